import assert from "node:assert/strict";
import { encodeBase64url } from "../../encoding/base64url.ts";
import { JwtVerificationError, parseSealKeyRow } from "../../mod.ts";

const secret = encodeBase64url(new Uint8Array(32).fill(7));

Deno.test("parseSealKeyRow() reads an id and 32 bytes", () => {
  for (const id of ["1", "seal_2026-11", "x".repeat(64)]) {
    assert.deepEqual(parseSealKeyRow({ id, secret, created_at: "now" }), { id, secret });
  }
});

Deno.test("parseSealKeyRow() refuses everything else, without repeating it", () => {
  const rows: unknown[] = [
    ...[null, undefined, "row", 5, [], {}],
    ...["", "a.b", "a b", "é", "x".repeat(65), 5, null, undefined].map((id) => ({ id, secret })),
    ...[
      "",
      null,
      undefined,
      7,
      secret.slice(1),
      `${secret}A`,
      `${secret}=`,
      `${secret.slice(1)}+`,
      encodeBase64url(new Uint8Array(31)),
      encodeBase64url(new Uint8Array(33)),
      encodeBase64url(new Uint8Array(64)),
    ].map((secret) => ({ id: "seal", secret })),
  ];
  for (const row of rows) {
    assert.throws(() => parseSealKeyRow(row), (error) => {
      assert.ok(error instanceof JwtVerificationError);
      assert.equal(error.code, "registry_unavailable");
      assert.ok(!`${error.message}${error.cause}`.includes(secret.slice(4, -4)));
      return true;
    });
  }
});
