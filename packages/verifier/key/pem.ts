import { decodeBase64url } from "../encoding/base64url.ts";

/** One block of a PEM text. */
export interface PemBlock {
  /** What the block says it is, such as `PUBLIC KEY`. */
  readonly label: string;
  /** Its content; `undefined` if it is cut short, or is not base64. */
  readonly der: ReturnType<typeof decodeBase64url>;
}

/** The longest text that is looked at, in characters: a hundred certificates. */
const MAX_LENGTH = 256 * 1024;
const BEGIN = /-----BEGIN ([A-Z0-9 ]{1,64})-----/g;
const DASHES = "-----";

/**
 * Finds the blocks of a PEM text (RFC 7468), whatever openssl wrote around them and however it was pasted.
 *
 * Taken: CRLF and CR, a byte order mark, `\n` and `\r` written out, quotes, indented lines, one long line, text before,
 * between and after the blocks, and the base64 of all of it. Blocks `EC PARAMETERS`, which openssl writes in front of a
 * key, are left out.
 *
 * **Does not** pick a block: who wants one has to refuse several, because two readers that pick differently would
 * see two keys.
 *
 * @param text Anything.
 * @returns Every block, in order. None if there is none.
 */
export function readPem(text: string): readonly PemBlock[] {
  if (text.length > MAX_LENGTH) return [];
  const lines = withLineBreaks(text.includes(`${DASHES}BEGIN `) ? text : decoded(text));
  const blocks: PemBlock[] = [];
  for (const match of lines.matchAll(BEGIN)) {
    const [{ length }, label = ""] = match;
    const start = match.index + length;
    // The next dashes have to be the end's: a search for the end itself would read the text once for each block.
    const end = lines.indexOf(DASHES, start);
    const isWhole = lines.startsWith(`${DASHES}END ${label}${DASHES}`, end);
    if (label === "EC PARAMETERS") continue;
    blocks.push({ label, der: isWhole ? decodeBase64(lines.slice(start, end)) : undefined });
  }
  return blocks;
}

/**
 * Writes one block as openssl does.
 *
 * @returns Lines of 64 characters, the last of them ended.
 */
export function writePem(label: string, der: Uint8Array): string {
  const base64 = btoa(Array.from(der, (byte) => String.fromCharCode(byte)).join(""));
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** Environment variables often hold line breaks as a backslash and a letter, neither of which base64 has together. */
function withLineBreaks(text: string): string {
  return text.replace(/\\{1,4}(?:[rn]|$)/gm, "\n");
}

/** The text whose base64 this is, if it is base64: how secret stores keep what has several lines. */
function decoded(text: string): string {
  const base64 = text.replace(/["'`]/g, "").replaceAll("-", "+").replaceAll("_", "/");
  const bytes = decodeBase64(base64);
  return bytes === undefined ? "" : new TextDecoder().decode(bytes);
}

function decodeBase64(text: string): ReturnType<typeof decodeBase64url> {
  // White space of every kind, and the invisible characters that come along from a web page.
  const digits = text.replace(/[\s\u200b-\u200d\u2060]/g, "");
  if (digits.length % 4 !== 0 || /[-_]/.test(digits)) return undefined;
  return decodeBase64url(digits.replace(/={1,2}$/, "").replaceAll("+", "-").replaceAll("/", "_"));
}
