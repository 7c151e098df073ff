import assert from "node:assert/strict";
import { PostgresConnectionError } from "./errors.ts";

Deno.test("PostgresConnectionError carries its code, its name and its sentence", () => {
  const error = new PostgresConnectionError("TLS_NOT_OFFERED", "The server does not offer TLS");
  assert.ok(error instanceof Error);
  assert.equal(error.name, "PostgresConnectionError");
  assert.equal(error.code, "TLS_NOT_OFFERED");
  assert.equal(error.message, "The server does not offer TLS");
});
