import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { base64urlOfBinary, base64urlOfBytes } from "./base64url.ts";
import { compactJws, headerSegment } from "./compact_jws.ts";

const secret = new TextEncoder().encode("a secret of at least thirty-two bytes");
const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, [
  "sign",
]);
const header = headerSegment({ alg: "HS256", typ: "JWT" });

Deno.test("compactJws() signs what it says, whatever is in the claims", async () => {
  const texts = [
    "plain",
    "ÿ",
    "\u0080",
    "naïve ключ 鍵 🔑",
    "\ud83d\udd11",
    'quote"back\\slash',
    "\u2028\u007f",
    "e\u0301",
  ];
  for (const text of texts) {
    const token = await compactJws(header, { sub: text, [text]: { text } }, "HMAC", key);
    const [first, payload, signature] = token.split(".");
    const input = `${first}.${payload}`;
    assert.equal(signature, createHmac("sha256", secret).update(input).digest("base64url"));
    assert.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
    const claims = JSON.parse(Buffer.from(payload!, "base64url").toString());
    assert.deepEqual(claims, { sub: text, [text]: { text } });
  }
});

Deno.test("base64urlOfBytes() is base64url without padding, for every byte and every length", () => {
  const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  for (let length = 0; length < 6; length++) {
    const bytes = every.subarray(0xfa - length, 0xfa);
    assert.equal(base64urlOfBytes(bytes), Buffer.from(bytes).toString("base64url"));
  }
  assert.equal(base64urlOfBytes(every), Buffer.from(every).toString("base64url"));
  assert.equal(base64urlOfBinary("\u00ff\u00fe"), "__4");
});
