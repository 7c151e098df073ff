import assert from "node:assert/strict";
import { valueOf } from "./field.ts";
import { KEY_FIELDS } from "./key_fields.ts";

function times(not_before: string | null, not_after: string | null) {
  const read = (column: string) =>
    valueOf(KEY_FIELDS.find((field) => field.column === column)!, { not_before, not_after });
  return [read("not_before"), read("not_after")];
}

Deno.test("KEY_FIELDS round a key's times inwards, to a file's milliseconds", () => {
  assert.deepEqual(times("2027-01-01T00:00:00.000001+00:00", "2027-01-01T00:00:00.009999+00:00"), [
    "2027-01-01T00:00:00.001Z",
    "2027-01-01T00:00:00.009Z",
  ]);
});

Deno.test("KEY_FIELDS leave a millisecond to a key that rounding would leave none", () => {
  for (
    const [from, until] of [
      ["2027-01-01T00:00:00.000001+00:00", "2027-01-01T00:00:00.000002+00:00"],
      ["2027-01-01T00:00:00.000001+00:00", "2027-01-01T00:00:00.001+00:00"],
      ["2027-01-01T00:00:00.000001+00:00", "2027-01-01T00:00:00.001999+00:00"],
    ] as const
  ) {
    assert.deepEqual(times(from, until), ["2027-01-01T00:00:00.001Z", "2027-01-01T00:00:00.002Z"]);
  }
});

Deno.test("KEY_FIELDS leave a key without a start or an end as it is", () => {
  assert.deepEqual(times(null, "2027-01-01T00:00:00.000002+00:00"), [
    null,
    "2027-01-01T00:00:00.000Z",
  ]);
  assert.deepEqual(times("2027-01-01T00:00:00+00:00", null), ["2027-01-01T00:00:00.000Z", null]);
});
