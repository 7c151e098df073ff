import assert from "node:assert/strict";
import { auditRow, publicKeyRow, registeredKey } from "./rows.ts";

const row = {
  issuer: "billing",
  public_key: "pem",
  algorithm: "EdDSA",
  is_active: true,
  created_at: "2026-01-01T00:00:00.000Z",
  updated_at: "2026-01-01T00:00:00.000Z",
  kid: "k",
  not_before: null,
  not_after: null,
};
const NOW = Date.parse("2026-06-01T00:00:00Z");

Deno.test("publicKeyRow() refuses a row of another shape, and says which column", () => {
  for (const column of Object.keys(row)) {
    for (const value of [undefined, 1, {}, []]) {
      assert.throws(() => publicKeyRow({ ...row, [column]: value }, true), new RegExp(column));
    }
  }
  for (const algorithm of ["none", "HS256", "eddsa", "constructor"]) {
    assert.throws(() => publicKeyRow({ ...row, algorithm }, true), /algorithm/);
  }
  assert.deepEqual(publicKeyRow(row, true), row);
});

Deno.test("publicKeyRow() calls no key active whose issuer is not", () => {
  assert.equal(publicKeyRow(row, false).is_active, false);
  assert.equal(publicKeyRow({ ...row, is_active: false }, true).is_active, false);
});

Deno.test("registeredKey() tells the state of a key, and revoked before everything else", () => {
  const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();
  const state = (change: object) => registeredKey({ ...row, ...change }, true, NOW).state;
  assert.equal(state({}), "current");
  assert.equal(state({ not_before: at(0), not_after: at(1) }), "current");
  assert.equal(state({ not_before: at(1) }), "standby");
  assert.equal(state({ not_after: at(0) }), "retired");
  assert.equal(state({ is_active: false, not_before: at(1) }), "revoked");
  assert.equal(state({ is_active: false, not_after: at(0) }), "revoked");
});

Deno.test("auditRow() refuses an operation that the log can't hold", () => {
  const entry = {
    id: 1,
    at: row.created_at,
    revision: 1,
    actor: "postgres",
    session_role: "postgres",
    claims: null,
    operation: "UPDATE",
    table_name: "jwt_issuers",
    reason: null,
    issuer: "billing",
    kid: null,
    before: {},
    after: {},
  };
  for (const operation of ["update", "TRUNCATE", null, undefined]) {
    assert.throws(() => auditRow({ ...entry, operation }), /operation/);
  }
  assert.equal(auditRow(entry).operation, "UPDATE");
});
