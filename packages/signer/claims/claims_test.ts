import assert from "node:assert/strict";
import { claimsSet } from "./claims.ts";
import { SignerError, type SignerErrorCode } from "../errors.ts";
import type { SignClaims } from "../types.ts";

const NOW = 1_764_000_000_500;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

interface Parts {
  issuer?: unknown;
  audience?: unknown;
  claims?: unknown;
}

function set({ issuer = "my-service", audience, claims = {} }: Parts): Record<string, unknown> {
  const given = claims?.constructor === Object ? { sub: "job-1", ...claims } : claims;
  // @ts-expect-error: callers without types pass anything
  return JSON.parse(claimsSet({ issuer, audience, claims: given }, NOW, 60));
}

function refuses(code: SignerErrorCode, parts: Parts, says = ""): void {
  assert.throws(() => set(parts), (error) => {
    assert.ok(error instanceof SignerError);
    assert.equal(error.code, code);
    assert.ok(error.message.includes(says), error.message);
    return true;
  });
}

Deno.test("claimsSet() refuses an iss that contradicts the issuer, and takes an equal one", () => {
  for (
    const iss of ["other-service", "MY-SERVICE", "my-service ", "", null, ["my-service"], undefined]
  ) {
    refuses("reserved_claim", { claims: { iss } }, '"iss"');
  }
  assert.equal(set({ claims: { iss: "my-service" } }).iss, "my-service");
});

Deno.test("claimsSet() refuses iat and exp whatever they say", () => {
  for (const time of [1_764_000_000, 1_764_000_060, 0, "1764000060", null, undefined]) {
    refuses("reserved_claim", { claims: { iat: time } }, '"iat"');
    refuses("reserved_claim", { claims: { exp: time } }, '"exp"');
  }
  const { iat, exp } = set({});
  assert.deepEqual([iat, exp], [1_764_000_000, 1_764_000_060]);
});

Deno.test("claimsSet() refuses an issuer that no registry could know", () => {
  for (
    const issuer of [
      "",
      " ",
      "my-service\n",
      "\tmy-service",
      "my\0service",
      null,
      7,
      [
        "x",
      ],
      "x".repeat(256),
      "x".repeat(300),
      "my\u0007service",
      "my\u009fservice",
    ]
  ) {
    refuses("invalid_issuer", { issuer });
  }
  for (const issuer of ["my service", "x".repeat(255)]) assert.equal(set({ issuer }).iss, issuer);
});

Deno.test("claimsSet() refuses an audience that names nobody, and takes one or several", () => {
  for (const audience of ["", [], [""], ["a", ""], ["a", 1], {}, 7, "\ud800"]) {
    refuses("invalid_audience", { audience });
  }
  refuses("invalid_audience", { claims: { aud: null } });
  assert.equal(set({ audience: "prod" }).aud, "prod");
  assert.deepEqual(set({ audience: ["prod", "staging"] }).aud, ["prod", "staging"]);
  assert.equal(set({ claims: { aud: "prod" } }).aud, "prod");
  assert.ok(!("aud" in set({})));
});

Deno.test("claimsSet() refuses an aud that contradicts the audience, and takes an equal one", () => {
  refuses("invalid_audience", { audience: "prod", claims: { aud: "staging" } }, "contradicts");
  refuses("invalid_audience", { audience: "prod", claims: { aud: ["prod"] } }, "contradicts");
  assert.equal(set({ audience: "prod", claims: { aud: "prod" } }).aud, "prod");
});

Deno.test("claimsSet() refuses registered claims of the wrong type", () => {
  for (const name of ["sub", "jti", "role"]) {
    for (const value of ["", 7, null, ["x"], {}, "a\nb", "a\u0085b", "x".repeat(256)]) {
      refuses("invalid_claims", { claims: { [name]: value } }, `"${name}"`);
    }
    for (const value of ["x", "x".repeat(255), "naïve 🔑"]) {
      assert.equal(set({ claims: { [name]: value } })[name], value);
    }
  }
  for (const claims of [null, undefined, "claims", [], new Map()]) {
    // @ts-expect-error: callers without types pass anything
    assert.throws(() => claimsSet({ issuer: "my-service", claims }, NOW, 60), SignerError);
  }
  // @ts-expect-error: "sub" is required
  const withoutSubject: SignClaims = {};
  assert.throws(
    () => claimsSet({ issuer: "my-service", claims: withoutSubject }, NOW, 60),
    { code: "invalid_claims" },
  );
});

Deno.test("claimsSet() refuses an nbf that the token never outlives, and takes one that it does", () => {
  for (const nbf of [1_764_000_060, 1_764_000_000_000, 1.5, -1, "1764000000", null]) {
    refuses("invalid_claims", { claims: { nbf } }, '"nbf"');
  }
  assert.equal(set({ claims: { nbf: 1_764_000_059 } }).nbf, 1_764_000_059);
});

Deno.test("claimsSet() throws a RangeError for a clock that is not one", () => {
  for (const epochMs of [NaN, Infinity, -1]) {
    assert.throws(
      () => claimsSet({ issuer: "my-service", claims: { sub: "job-1" } }, epochMs, 60),
      RangeError,
    );
  }
});

Deno.test("claimsSet() gives every token an id of its own, or the caller's", () => {
  const first = set({}).jti;
  assert.match(String(first), UUID);
  assert.notEqual(set({}).jti, first);
  assert.equal(set({ claims: { jti: "order-7" } }).jti, "order-7");
});

Deno.test("claimsSet() keeps every other claim, and changes nothing of the caller's", () => {
  const claims = Object.freeze({
    sub: "job-1",
    role: "writer",
    widgets: [{ id: 1, open: null }],
    app_metadata: {},
  });
  const { iss: _, iat: __, exp: ___, jti: ____, ...others } = set({ claims });
  assert.deepEqual(others, claims);
});

Deno.test("claimsSet() refuses the mark that only a target sets", () => {
  for (const countersign of [{ kid: "k" }, null, "x"]) {
    refuses("reserved_claim", { claims: { countersign } }, '"countersign"');
  }
  assert.equal(set({ claims: { countersigned: "x" } }).countersigned, "x");
});

Deno.test("claimsSet() signs what it checked, though a getter answers differently the next time", () => {
  let reads = 0;
  const claims = {
    sub: "job-1",
    get role() {
      return ++reads === 1 ? "writer" : "line\nbreak";
    },
    get aud() {
      return "prod";
    },
  };
  const signed = JSON.parse(
    claimsSet({ issuer: "my-service", audience: ["prod"][0], claims }, NOW, 60),
  );
  assert.deepEqual([signed.role, signed.aud, reads], ["writer", "prod", 1]);
});
