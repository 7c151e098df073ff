import assert from "node:assert/strict";
import { requestId } from "./request_id.ts";

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

Deno.test("requestId() takes no id that could write into a log", () => {
  for (
    const id of [
      "short",
      "a".repeat(65),
      "12345678 x",
      '12345678"',
      "12345678;a=b",
      "12345678/..",
      "",
    ]
  ) {
    const made = requestId(new Headers({ "sb-request-id": id }));
    assert.match(made, UUID, id);
    assert.notEqual(made, id);
  }
  for (const id of ["12345678", "a".repeat(64), "019aa0ee-1111-7000-8000-000000000001"]) {
    assert.equal(requestId(new Headers({ "sb-request-id": id })), id);
  }
});

Deno.test("requestId() makes another one for each request, whatever else a client sends", () => {
  const headers = new Headers({
    "countersign-request-id": "chosen-by-client",
    "x-request-id": "chosen-by-client",
  });
  const made = new Set([requestId(headers), requestId(headers), requestId(new Headers())]);
  assert.equal(made.size, 3);
  for (const id of made) assert.match(id, UUID);
});
