import assert from "node:assert/strict";
import { isRefusal } from "../fixtures/tokens.ts";
import { ALGORITHMS } from "../mod.ts";
import { readHeader } from "./header.ts";

Deno.test("readHeader() answers with the algorithm and the key's name, and with nothing else", () => {
  for (const alg of ALGORITHMS) {
    assert.deepEqual(readHeader({ alg, kid: "k", x: 1 }), { alg, kid: "k" });
    assert.deepEqual(readHeader({ alg }), { alg, kid: undefined });
  }
});

Deno.test("readHeader() refuses a member that says what to verify with, whatever its value", () => {
  for (const name of ["crit", "b64", "jwk", "jku", "x5u", "x5c"]) {
    for (const value of [null, false, "", [], {}, undefined]) {
      assert.throws(
        () => readHeader({ alg: "EdDSA", [name]: value }),
        (error) => isRefusal(error, "header_not_allowed"),
      );
      readHeader({ alg: "EdDSA", [`${name}_`]: value });
    }
  }
});

Deno.test("readHeader() refuses the type of another kind of token", () => {
  // The Kelvin sign is no k, and the long s is no s, although some ways to fold case take them for it.
  for (
    const typ of ["", "JWE", "at+jwt ", "logout+jwt", "at+j\u212at", "JWT\0", 1, null, ["JWT"]]
  ) {
    assert.throws(
      () => readHeader({ alg: "EdDSA", typ }),
      (error) => isRefusal(error, "header_not_allowed"),
    );
  }
  for (const typ of ["JWT", "jwt", "at+jwt", "AT+JWT", "application/jwt", "Application/AT+jwt"]) {
    readHeader({ alg: "EdDSA", typ });
  }
});

Deno.test("readHeader() refuses an algorithm that no key can be registered for", () => {
  for (
    const alg of [undefined, null, 0, "", "none", "HS256", "RS1", "eddsa", "toString", ["EdDSA"]]
  ) {
    assert.throws(
      () => readHeader({ alg }),
      (error) => isRefusal(error, "header_not_allowed"),
    );
  }
});

Deno.test("readHeader() refuses a key's name that is no text", () => {
  for (const kid of [null, 0, true, ["k"], { toString: "k" }]) {
    assert.throws(
      () => readHeader({ alg: "EdDSA", kid }),
      (error) => isRefusal(error, "malformed"),
    );
  }
  assert.equal(readHeader({ alg: "EdDSA", kid: "" }).kid, "");
});
