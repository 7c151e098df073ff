import assert from "node:assert/strict";
import { headersOf, referenceRule, variablesOf } from "./reference.ts";

Deno.test("variablesOf() finds names in text and of members, and no constant", () => {
  const source =
    'get("COUNTERSIGN_A"); env.COUNTERSIGN_B; const COUNTERSIGN_CLAIM = 1; "JWT_SECRET"';
  assert.deepEqual(variablesOf(source), ["COUNTERSIGN_A", "COUNTERSIGN_B", "JWT_SECRET"]);
});

Deno.test("headersOf() reads lists and single names", () => {
  const source =
    'const REQUEST_HEADERS = [\n  "accept",\n  "x-a",\n];\nexport const ID_HEADER = "x-id";';
  assert.deepEqual(headersOf(source), ["accept", "x-a", "x-id"]);
});

Deno.test("referenceRule() finds every variable and header in the reference", async () => {
  assert.deepEqual(await referenceRule(), []);
});
