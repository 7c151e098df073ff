import { encodeBase64url } from "../encoding/base64url.ts";
import { claims, type HostileCase, keyOf, refuses, signWith } from "../fixtures/tokens.ts";

const ed25519 = await keyOf("EdDSA");
const json = JSON.stringify(claims);
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
/** The claims with one more member, as text. */
const withMember = (member: string): string => `${json.slice(0, -1)},${member}}`;

/** The claims with a member that holds these bytes. */
const withNote = (...bytes: number[]): Uint8Array =>
  Uint8Array.from([...bytesOf(withMember('"note":"').slice(0, -1)), ...bytes, ...bytesOf('"}')]);

/** Replaces segments of a finished token, and leaves its signature as it was. */
const segments =
  (change: (parts: [string, string, string]) => readonly string[]) => (token: string): string => {
    const [header = "", payload = "", signature = ""] = token.split(".");
    return change([header, payload, signature]).join(".");
  };

const mangled = (
  attack: (token: string) => string,
  twin: (token: string) => string = (token) => token,
): HostileCase => ({ attack: { mangle: attack }, twin: { mangle: twin }, reason: "malformed" });

const payload = (attack: string | Uint8Array, twin: string | Uint8Array): HostileCase => ({
  attack: { claims: attack },
  twin: { claims: twin },
  reason: "malformed",
});

/** The last character of 64 bytes in base64url carries four bits that have to be zero. */
const setTrailingBits = (token: string): string => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return token.slice(0, -1) + alphabet[alphabet.indexOf(token.slice(-1)) + 1];
};

/** Claims whose base64 needs both characters that base64url replaces. */
const needsReplacing = withMember('"note":"???>>>~~~ÿÿÿ"');
/** Signs what the mangled token says, so that only the encoding is wrong. */
const resigned = (encodePayload: (text: string) => string, text: string): HostileCase => {
  const head = encodeBase64url(bytesOf(JSON.stringify({ alg: "EdDSA" })));
  let signature = "";
  const parts = (body: string) => ({
    sign: async () => {
      const bytes = await signWith(ed25519, new TextEncoder().encode(`${head}.${body}`));
      signature = encodeBase64url(bytes);
      return bytes;
    },
    mangle: () => `${head}.${body}.${signature}`,
  });
  return {
    attack: parts(encodePayload(encodeBase64url(bytesOf(text)))),
    twin: parts(encodeBase64url(bytesOf(text))),
    reason: "malformed",
  };
};

const CASES: Record<string, HostileCase> = {
  // Segments
  "an empty token": mangled(() => ""),
  "two dots and nothing else": mangled(() => ".."),
  "one part": mangled(segments(([header]) => [header])),
  "two parts": mangled(segments(([header, body]) => [header, body])),
  "four parts": mangled(segments((parts) => [...parts, "AAAA"])),
  "four parts, the last one empty": mangled(segments((parts) => [...parts, ""])),
  "an empty header": mangled(segments(([, body, signature]) => ["", body, signature])),
  "an empty payload": mangled(segments(([header, , signature]) => [header, "", signature])),
  "an empty signature": mangled(segments(([header, body]) => [header, body, ""])),
  "eight thousand dots": mangled(() => ".".repeat(8000)),
  "the JSON serialization": mangled(
    segments(([protectedHeader, body, signature]) => [
      JSON.stringify({ protected: protectedHeader, payload: body, signature }),
    ]),
  ),
  "the scheme in front": mangled((token) => `Bearer ${token}`),

  // base64url
  "padding": resigned((text) => `${text}${"=".repeat(-text.length & 3)}`, `${json} `.padEnd(200)),
  "the alphabet of base64": resigned(
    (text) => text.replaceAll("-", "+").replaceAll("_", "/"),
    needsReplacing,
  ),
  "a newline inside": resigned((text) => `${text.slice(0, 8)}\n${text.slice(8)}`, json),
  "a space inside": resigned((text) => `${text.slice(0, 8)} ${text.slice(8)}`, json),
  "a space after the token": mangled((token) => `${token} `),
  "a space before the token": mangled((token) => ` ${token}`),
  "a newline after the token": mangled((token) => `${token}\n`),
  "a NUL after the token": mangled((token) => `${token}\0`),
  "a fullwidth letter": mangled((token) => `\uff25${token.slice(1)}`),
  "a letter beyond the first plane": mangled((token) => `${token.slice(0, -1)}\u{1d5d4}`),
  "trailing bits that are not zero": mangled(setTrailingBits),
  "a last character that holds no whole byte": mangled((token) => `${token}AAA`),

  // UTF-8
  "invalid UTF-8": payload(withNote(0xff), withNote(0x7e)),
  "an overlong encoding": payload(withNote(0xc0, 0xaf), withNote(0xc3, 0xaf)),
  "a surrogate encoded as UTF-8": payload(withNote(0xed, 0xa0, 0x80), withNote(0xed, 0x9f, 0xbf)),
  "a byte order mark": payload(Uint8Array.from([0xef, 0xbb, 0xbf, ...bytesOf(json)]), json),
  "UTF-16": payload(Uint8Array.from([...bytesOf(json)].flatMap((byte) => [byte, 0])), json),
  "a lone surrogate in a claim": payload(
    withMember('"note":"\\ud800"'),
    withMember('"note":"\\ud83d\\ude00"'),
  ),
  "a lone surrogate in a member's name": payload(
    withMember('"n\\udc00":1'),
    withMember('"n\\ud83d\\ude00":1'),
  ),
  "a NUL in a claim": payload(withMember('"note":"a\\u0000b"'), withMember('"note":"a\\u0001b"')),
  "a NUL in a member's name": payload(withMember('"no\\u0000te":1'), withMember('"note":1')),

  // JSON
  "a payload that is an array": payload(`[${json}]`, json),
  "a payload that is null": payload("null", json),
  "a payload that is a string": payload(JSON.stringify(json), json),
  "a payload that is a number": payload("1", json),
  "a payload that is nothing": payload(" ", json),
  "a payload with something after it": payload(`${json}{}`, `${json} `),
  "a trailing comma": payload(`${json.slice(0, -1)},}`, json),
  "a comment": payload(`${json}/**/`, json),
  "single quotes": payload(json.replaceAll('"', "'"), json),
  "NaN": payload(withMember('"n":NaN'), withMember('"n":0')),
  "a number beyond the range of a double": payload(withMember('"n":1e400'), withMember('"n":1e4')),
  "a number that a double can't hold exactly": payload(
    withMember('"account":9007199254740993'),
    withMember('"account":9007199254740991'),
  ),
  "nesting of five thousand levels": payload(
    withMember(`"n":${"[".repeat(2500)}${"]".repeat(2500)}`),
    withMember(`"n":${"[".repeat(25)}${"]".repeat(25)}`),
  ),
  "nesting of objects": payload(
    withMember(`"n":${'{"n":'.repeat(40)}0${"}".repeat(40)}`),
    withMember(`"n":${'{"n":'.repeat(30)}0${"}".repeat(30)}`),
  ),
  "a member twice": payload(withMember('"iss":"billing"'), withMember('"iss2":"billing"')),
  "a member twice, once spelled with an escape": payload(
    withMember('"\\u0069ss":"billing"'),
    withMember('"\\u0069ss2":"billing"'),
  ),
  "a member twice, deep inside": payload(
    withMember('"a":[{"b":{"c":1,"c":1}}]'),
    withMember('"a":[{"b":{"c":1,"d":1}}]'),
  ),
  "a member twice, the first with members of its own": payload(
    withMember('"a":{"b":1,"c":2},"a":3'),
    withMember('"a":{"b":1,"c":2},"d":3'),
  ),
  "a member twice, with an empty name": payload(
    withMember('"":1,"":2'),
    withMember('"":1," ":2'),
  ),
  "a member twice, next to text full of colons": payload(
    withMember('"a":"::\\":\\\\","b":1,"b":1'),
    withMember('"a":"::\\":\\\\","b":1,"c":1'),
  ),
  'a member named "__proto__"': payload(
    withMember('"__proto__":{"role":"postgres"}'),
    withMember('"__proto":{"role":"postgres"}'),
  ),
  'a member named "__proto__" inside a claim': payload(
    withMember('"a":{"__proto__":null}'),
    withMember('"a":{"proto":null}'),
  ),
  'a member named "__proto__", spelled with an escape': payload(
    withMember('"\\u005f_proto__":1'),
    withMember('"\\u005f_proto":1'),
  ),
};

for (const [name, hostile] of Object.entries(CASES)) refuses(name, hostile);

refuses("a token of 1 MB", {
  attack: { claims: { note: "n".repeat(1024 * 1024) } },
  twin: { claims: { note: "n".repeat(1024) } },
  reason: "token_too_large",
});

// 8192 characters are looked at, 8193 are not.
const fill = (length: number): HostileCase["attack"] => ({
  header: '{"alg":"EdDSA"}',
  mangle: (token) => token,
  claims: withMember(`"note":"${"n".repeat(length)}"`),
});
const lengthOf = 20 + 1 + 86 + 1;
const room = Math.floor((8192 - lengthOf) * 3 / 4) - withMember('"note":""').length;
refuses("a token one byte longer than allowed", {
  attack: fill(room + 1),
  twin: fill(room),
  reason: "token_too_large",
});
