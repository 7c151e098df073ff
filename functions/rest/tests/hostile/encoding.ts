import { base64url } from "@countersign/fixture";
import { type HostileCase, tokenAttack } from "./hostile_case.ts";

const bytes = (...parts: (string | number[])[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((part) => typeof part === "string" ? [...new TextEncoder().encode(part)] : part),
  );

/** Sets the bits of the last character that no byte uses, which a lenient decoder ignores. */
function trailingBits(segment: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return segment.slice(0, -1) + alphabet[alphabet.indexOf(segment.at(-1)!) ^ 1];
}

const segments: HostileCase[] = [
  tokenAttack("two parts", "malformed", { whole: (header, payload) => `${header}.${payload}` }),
  tokenAttack("four parts", "malformed", { whole: (...parts) => `${parts.join(".")}.AAAA` }),
  tokenAttack("a dot at the end", "malformed", { whole: (...parts) => `${parts.join(".")}.` }),
  tokenAttack("header empty", "malformed", { whole: (_, ...parts) => `.${parts.join(".")}` }),
  tokenAttack("payload empty", "malformed", {
    whole: (header, _, signature) => `${header}..${signature}`,
  }),
  tokenAttack("signature empty", "malformed", {
    whole: (header, payload) => `${header}.${payload}.`,
  }),
  tokenAttack("only dots", "malformed", { whole: () => ".." }),
  tokenAttack("JSON serialisation", "credentials_invalid", {
    whole: (header, payload, signature) =>
      JSON.stringify({ payload, protected: header, signature }),
  }),
];

const base64: HostileCase[] = [
  tokenAttack("padding on the signature", "malformed", {
    whole: (...parts) => `${parts.join(".")}==`,
  }),
  tokenAttack("padding on the payload, signed with it", "malformed", {
    encoded: (header, payload) => [header, `${payload}=`],
  }),
  tokenAttack("the alphabet of base64, signed so", "malformed", {
    claims: { canary: "???>>>~~~" },
    encoded: (header, payload) => [header, payload.replaceAll("-", "+").replaceAll("_", "/")],
  }, { twin: { claims: { canary: "???>>>~~~" } } }),
  tokenAttack("a newline in the payload's encoding, by its escape", "malformed", {
    encoded: (header, payload) => [header, `${payload.slice(0, 8)}%0A${payload.slice(8)}`],
  }),
  tokenAttack("a tab in the payload's encoding", "credentials_invalid", {
    encoded: (header, payload) => [header, `${payload.slice(0, 8)}\t${payload.slice(8)}`],
  }),
  tokenAttack("trailing bits of the signature set", "malformed", {
    whole: (header, payload, signature) => `${header}.${payload}.${trailingBits(signature)}`,
  }),
  tokenAttack("trailing bits of the header set, signed so", "malformed", {
    headerText: (honest) => honest + " ".repeat((4 - honest.length % 3) % 3),
    encoded: (header, payload) => [trailingBits(header), payload],
  }, { twin: { headerText: (honest) => honest + " ".repeat((4 - honest.length % 3) % 3) } }),
  tokenAttack("a segment of an impossible length", "malformed", {
    encoded: (header, payload) => [header, payload + "A".repeat((5 - payload.length % 4) % 4)],
  }),
];

const text: HostileCase[] = [
  tokenAttack("invalid UTF-8 in the payload", "malformed", {
    claimsText: (honest) => bytes(honest.slice(0, -1), ',"x":"', [0xff, 0xfe], '"}'),
  }),
  tokenAttack("an overlong encoding of a quote", "malformed", {
    claimsText: (honest) => bytes(honest.slice(0, -1), ',"x":"', [0xc0, 0xa2], '"}'),
  }),
  tokenAttack("a surrogate encoded as UTF-8", "malformed", {
    claimsText: (honest) => bytes(honest.slice(0, -1), ',"x":"', [0xed, 0xa0, 0x80], '"}'),
  }),
  tokenAttack("a lone surrogate by escape", "malformed", {
    claimsText: (honest) => `${honest.slice(0, -1)},"x":"\\ud800"}`,
  }, { twin: { claimsText: (honest) => `${honest.slice(0, -1)},"x":"\\ud83d\\ude00"}` } }),
  tokenAttack("a byte order mark before the payload", "malformed", {
    claimsText: (honest) => bytes([0xef, 0xbb, 0xbf], honest),
  }),
  tokenAttack("a byte order mark before the header", "malformed", {
    headerText: (honest) => bytes([0xef, 0xbb, 0xbf], honest),
  }),
  tokenAttack("payload an array", "malformed", { claimsText: (honest) => `[${honest}]` }),
  tokenAttack("payload null", "malformed", { claimsText: () => "null" }),
  tokenAttack("payload a string", "malformed", { claimsText: (honest) => JSON.stringify(honest) }),
  tokenAttack("header an array", "malformed", { headerText: (honest) => `[${honest}]` }),
  tokenAttack("two JSON values", "malformed", { claimsText: (honest) => honest + honest }),
  tokenAttack("a comment in the JSON", "malformed", {
    claimsText: (honest) => honest.replace("{", "{/**/"),
  }),
  tokenAttack("a trailing comma in the JSON", "malformed", {
    claimsText: (honest) => honest.replace(/\}$/, ",}"),
  }),
  tokenAttack("a JWT as the payload (nested)", "malformed", {
    claimsText: () => `${base64url("{}")}.${base64url("{}")}.AAAA`,
  }),
  tokenAttack("a payload 2,000 levels deep", "malformed", {
    claimsText: (honest) => `${honest.slice(0, -1)},"x":${"[".repeat(2000)}${"]".repeat(2000)}}`,
  }, { twin: { claimsText: (honest) => `${honest.slice(0, -1)},"x":[[[]]]}` } }),
  tokenAttack("a payload of 16 KB", "token_too_large", { claims: { x: "a".repeat(16_000) } }, {
    twin: { claims: { x: "a".repeat(4_000) } },
  }),
  tokenAttack("a token of 8 KiB and one byte", "token_too_large", {
    whole: (...parts) => parts.join(".").padEnd(8 * 1024 + 1, "A"),
  }),
];

export const ENCODING: readonly HostileCase[] = [...segments, ...base64, ...text];
