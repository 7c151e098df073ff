import assert from "node:assert/strict";
import { errorCodes } from "./error_codes.ts";
import { PostgresConnectionError } from "./errors.ts";

const coded = (code: unknown, options?: ErrorOptions) =>
  Object.assign(new Error("hunter2", options), { code });

Deno.test("errorCodes() finds codes of either driver, the outermost first", () => {
  const denoPostgres = Object.assign(new Error("a"), { fields: { code: "28P01" } });
  assert.deepEqual(errorCodes(coded("A", { cause: new Error("b", { cause: denoPostgres }) })), [
    "A",
    "28P01",
  ]);
  assert.deepEqual(errorCodes(new PostgresConnectionError("CONNECTION_CLOSED", "a")), [
    "CONNECTION_CLOSED",
  ]);
});

Deno.test("errorCodes() takes no code from what is no error, and none that is no text", () => {
  for (
    const thrown of [undefined, null, "28P01", { code: "28P01" }, coded(28), new Error("28P01")]
  ) {
    assert.deepEqual(errorCodes(thrown), []);
  }
});

Deno.test("errorCodes() ends where causes go in a circle", () => {
  const circle = coded("A");
  circle.cause = circle;
  assert.ok(errorCodes(circle).length <= 8);
});
