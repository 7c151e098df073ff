import assert from "node:assert/strict";
import { rotatedRows } from "./rotation.ts";

Deno.test("rotatedRows() refuses an answer of another shape", () => {
  for (
    const answer of [undefined, null, "ok", [], {}, { key: {} }, { retiring: [] }, {
      key: null,
      retiring: [],
    }, { key: {}, retiring: {} }]
  ) {
    assert.throws(() => rotatedRows(answer, "db.example.com"), {
      code: "unreachable",
      message: /db\.example\.com/,
    });
  }
  assert.deepEqual(rotatedRows({ key: { kid: "a" }, retiring: [{ kid: "b" }] }, "x"), {
    key: { kid: "a" },
    retiring: [{ kid: "b" }],
  });
});
