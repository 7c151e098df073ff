import assert from "node:assert/strict";
import { isRefusal, makeToken } from "../fixtures/tokens.ts";
import { MAX_TOKEN_LENGTH, parseToken, splitToken } from "./parse.ts";

const token = await makeToken();

Deno.test("splitToken() refuses anything but three segments", () => {
  const [header, payload, signature] = token.split(".");
  for (
    const wrong of [
      "",
      ".",
      "..",
      header!,
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `.${payload}.${signature}`,
      `${header}..${signature}`,
      `${token}.`,
      `${token}.AAAA`,
      `.${token}`,
    ]
  ) {
    assert.throws(() => splitToken(wrong), (error) => isRefusal(error, "malformed"), wrong);
  }
  splitToken(token);
});

Deno.test("splitToken() keeps what the signature is over, byte for byte", () => {
  const { signingInput } = splitToken(token);
  assert.equal(signingInput, token.slice(0, token.lastIndexOf(".")));
});

Deno.test("splitToken() looks at no token beyond its bound", () => {
  const longest = "A".repeat(MAX_TOKEN_LENGTH);
  assert.throws(() => splitToken(`${longest}A`), (error) => isRefusal(error, "token_too_large"));
  // Of this length it is looked at, and found to be no token.
  assert.throws(() => splitToken(longest), (error) => isRefusal(error, "malformed"));
});

Deno.test("parseToken() refuses a header that is good and claims that are none", async () => {
  for (const text of ["", "null", "[]", '"a"', "{}{}"]) {
    const forged = await makeToken({ claimsText: () => text });
    assert.throws(() => parseToken(splitToken(forged)), (error) => isRefusal(error, "malformed"));
  }
  assert.deepEqual(parseToken(splitToken(token)).header.alg, "EdDSA");
});
