import assert from "node:assert/strict";
import { RegistryError } from "../errors.ts";
import { databaseError, failedQuery } from "./database_error.ts";

const said = (sqlstate: string, message = "m", hint = "") =>
  databaseError({ sqlstate, message, hint }, "db.example.com");

Deno.test("databaseError() takes words of the registry's rules only from its rules", () => {
  // Anyone can name a table or raise an exception so; check_violation and undefined_function are the registry's own.
  for (const sqlstate of ["42501", "P0001", "23505", "XX000"]) {
    assert.notEqual(said(sqlstate, 'Role "x" is not allowed').code, "role_not_allowed", sqlstate);
  }
  assert.equal(said("23514", 'Role "x" is not allowed').code, "role_not_allowed");
});

Deno.test("databaseError() gives a refusal one code, over SQL and over REST", () => {
  const codes = {
    "42501": "not_authorized",
    PGRST301: "not_authorized",
    "42P01": "schema_missing",
    PGRST205: "schema_missing",
    "23505": "conflict",
    "57014": "unreachable",
    "22023": "invalid_argument",
    XX000: "refused_by_database",
    constructor: "refused_by_database",
  };
  for (const [sqlstate, code] of Object.entries(codes)) {
    assert.equal(said(sqlstate).code, code, sqlstate);
  }
});

Deno.test("failedQuery() keeps of a driver's error its code alone", () => {
  const driver = Object.assign(new Error("connect ECONNREFUSED postgres://u:hunter2@db"), {
    code: "ECONNREFUSED",
  });
  const error = failedQuery(driver, "db.example.com");
  assert.ok(error instanceof RegistryError);
  assert.equal(error.code, "unreachable");
  assert.match(error.message, /ECONNREFUSED/);
  assert.doesNotMatch(error.message, /hunter2/);
});

Deno.test("failedQuery() leaves alone what the database has no part in", () => {
  for (
    const thrown of [
      new RangeError("a caller's own"),
      "text",
      undefined,
      new RegistryError("conflict", "x"),
    ]
  ) {
    assert.equal(failedQuery(thrown, "db.example.com"), thrown);
  }
});
