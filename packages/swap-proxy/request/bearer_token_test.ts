import assert from "node:assert/strict";
import { bearerToken } from "./bearer_token.ts";

const headers = (authorization: string) => new Headers({ authorization });

Deno.test("bearerToken() takes one Bearer token, whatever the scheme's case", () => {
  for (const value of ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c", " Bearer a.b.c "]) {
    assert.equal(bearerToken(headers(value)), "a.b.c", value);
  }
});

Deno.test("bearerToken() tells a missing header from an invalid one", () => {
  assert.throws(() => bearerToken(new Headers()), { code: "token_missing" });
  assert.throws(() => bearerToken(new Headers({ apikey: "a.b.c" })), { code: "token_missing" });
  for (const value of ["", " ", "Bearer", "bearer", "Bearer ", "BEARER    "]) {
    assert.throws(() => bearerToken(headers(value)), { code: "token_empty" }, value);
  }
  const attacks = [
    "Bearer,",
    "Bearer \u00a0",
    "Basic",
    "Bear",
    "Bearer a.b.c, Bearer d.e.f",
    "Bearer a.b.c,d.e.f",
    "Bearer a.b.c,",
    ", Bearer a.b.c",
    "Bearer a.b.c d.e.f",
    "Basic dXNlcjpwYXNz",
    "a.b.c",
    "Bearera.b.c",
    "Bearer\ta.b.c",
    "Bearer \ta.b.c",
    "Bearer a.b.c\td.e.f",
    "Bearer\u00a0a.b.c",
    "Bearer a.b.c\u00a0d.e.f",
    "Token Bearer a.b.c",
    "Bearer Bearer a.b.c",
  ];
  for (const value of attacks) {
    assert.throws(() => bearerToken(headers(value)), { code: "credentials_invalid" }, value);
  }
});

Deno.test("bearerToken() refuses a second Authorization header", () => {
  const two = new Headers();
  two.append("authorization", "Bearer a.b.c");
  assert.equal(bearerToken(two), "a.b.c");
  two.append("authorization", "Bearer a.b.c");
  assert.throws(() => bearerToken(two), { code: "credentials_invalid" });
});
