import { SignerError, type SignerErrorCode } from "../errors.ts";

/** A PKCS#8 private key or an SPKI public key (RFC 7468 §10 and §13). */
export interface PemKey {
  readonly label: "PRIVATE KEY" | "PUBLIC KEY";
  readonly der: Uint8Array<ArrayBuffer>;
}

const TO_PKCS8 = "openssl pkcs8 -topk8 -nocrypt -in key.pem -out key.pkcs8.pem";

const ENCRYPTED: Refusal = [
  "encrypted_key",
  `Private key is encrypted, expected one without a passphrase; decrypt it with: ${TO_PKCS8}`,
];

/** Labels that people paste by mistake, and what to do about each. */
const REFUSALS = new Map<string, Refusal>([
  ["RSA PRIVATE KEY", [
    "wrong_key_format",
    `Private key is PKCS#1 ("RSA PRIVATE KEY"), expected PKCS#8 ("PRIVATE KEY"); convert it with: ${TO_PKCS8}`,
  ]],
  ["EC PRIVATE KEY", [
    "wrong_key_format",
    `Private key is SEC1 ("EC PRIVATE KEY"), expected PKCS#8 ("PRIVATE KEY"); convert it with: ${TO_PKCS8}`,
  ]],
  ["ENCRYPTED PRIVATE KEY", ENCRYPTED],
  ["OPENSSH PRIVATE KEY", [
    "wrong_key_format",
    'Private key is in OpenSSH\'s own format, which openssl cannot read, expected PKCS#8 ("PRIVATE KEY"); make a key for this purpose with: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pkcs8.pem, or convert a copy of an RSA or ECDSA key with: ssh-keygen -p -N "" -m PKCS8 -f key.pem',
  ]],
  ["DSA PRIVATE KEY", [
    "unsupported_key",
    "Private key is DSA, expected RSA, P-256, P-384 or Ed25519",
  ]],
  ["RSA PUBLIC KEY", [
    "wrong_key_format",
    'Key is a PKCS#1 public key ("RSA PUBLIC KEY"); to sign, give the private key; for its id, convert it with: openssl rsa -RSAPublicKey_in -in key.pub -pubout -out key.spki.pub',
  ]],
  ["SSH2 PUBLIC KEY", [
    "wrong_key_format",
    "Key is an SSH public key; to sign, give the private key as PKCS#8",
  ]],
  ["CERTIFICATE", [
    "wrong_key_format",
    "Text is a certificate; to sign, give its private key; for the id of its key, extract that with: openssl x509 -in cert.pem -noout -pubkey",
  ]],
  ["CERTIFICATE REQUEST", [
    "wrong_key_format",
    "Text is a certificate request; to sign, give its private key; for the id of its key, extract that with: openssl req -in request.pem -noout -pubkey",
  ]],
]);

type Refusal = readonly [SignerErrorCode, string];

/** The longest text that is looked at, in characters. A key of 4096 bits takes 3,300, and openssl may describe it. */
const MAX_LENGTH = 64 * 1024;
const DASHES = "-----";

/**
 * Decodes the one key in `text`, however it was pasted. Refuses every other kind of PEM, and says how to convert it.
 *
 * Reads the same spellings as the verifier does: CRLF, written-out `\n`, quotes, text around the block, the base64 of
 * the whole.
 */
export function decodePem(text: string): PemKey {
  const lines = withLineBreaks(text.includes(`${DASHES}BEGIN `) ? text : decodedText(text));
  const blocks = text.length > MAX_LENGTH ? [] : findBlocks(lines);
  if (blocks.length > 1) {
    throw new SignerError("invalid_key", `Text contains ${blocks.length} PEM blocks, expected one`);
  }
  const [{ label, body } = { label: "", body: undefined }] = blocks;
  if (body === undefined) throw new SignerError(...notPem(text));
  const refusal = body.includes("Proc-Type: 4,ENCRYPTED") ? ENCRYPTED : REFUSALS.get(label);
  if (refusal !== undefined) throw new SignerError(...refusal);
  if (label !== "PRIVATE KEY" && label !== "PUBLIC KEY") throw new SignerError(...notPem(text));
  const der = decodeBase64(body);
  if (der === undefined) {
    throw new SignerError("invalid_key", "Key is damaged, expected base64 between the PEM markers");
  }
  return { label, der };
}

interface Block {
  readonly label: string;
  /** What stands between the markers; `undefined` if the end's is missing. */
  readonly body: string | undefined;
}

function findBlocks(lines: string): readonly Block[] {
  const blocks: Block[] = [];
  for (const match of lines.matchAll(/-----BEGIN ([A-Z0-9 ]{1,64})-----/g)) {
    const [{ length }, label = ""] = match;
    const start = match.index + length;
    // The next dashes have to be the end's: a search for the end itself would read the text once for each block.
    const end = lines.indexOf(DASHES, start);
    const isWhole = lines.startsWith(`${DASHES}END ${label}${DASHES}`, end);
    // `openssl ecparam -genkey` puts the name of the curve in a block before the key.
    if (label === "EC PARAMETERS") continue;
    blocks.push({ label, body: isWhole ? lines.slice(start, end) : undefined });
  }
  return blocks;
}

/** Environment variables often hold line breaks as a backslash and a letter, which base64 never has together. */
function withLineBreaks(text: string): string {
  return text.replace(/\\{1,4}(?:[rn]|$)/gm, "\n");
}

/** The text whose base64 this is, if it is base64: how secret stores keep what has several lines. */
function decodedText(text: string): string {
  const base64 = text.replace(/["'`]/g, "").replaceAll("-", "+").replaceAll("_", "/");
  const bytes = base64.length > MAX_LENGTH ? undefined : decodeBase64(base64);
  return bytes === undefined ? "" : new TextDecoder().decode(bytes);
}

function notPem(text: string): Refusal {
  if (/^\s*(ssh-|ecdsa-sha2-)/.test(text)) {
    return [
      "wrong_key_format",
      "Key is an SSH public key; to sign, give the private key as PKCS#8",
    ];
  }
  if (/^\s*\{/.test(text)) {
    return [
      "invalid_key",
      "Key is JSON text, expected PEM text or an object; pass a JWK through JSON.parse first",
    ];
  }
  return [
    "invalid_key",
    'Key is not PEM, expected the text from "-----BEGIN PRIVATE KEY-----" to "-----END PRIVATE KEY-----", whole; the path of a file is not read',
  ];
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  // White space of every kind, and the invisible characters that come along from a web page.
  const digits = text.replace(/[\s\u200b-\u200d\u2060]/g, "");
  if (digits.length % 4 !== 0) return undefined;
  try {
    return Uint8Array.from(atob(digits), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}
