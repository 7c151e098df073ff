import assert from "node:assert/strict";
import { durationOption, integerOption, repeated, timeOption } from "./input.ts";

const io = {
  env: {},
  stdout: () => {},
  stderr: () => {},
  stdin: () => Promise.resolve(""),
  terminal: { stdout: false, stderr: false },
  now: () => 1_800_000_000_001,
  fetch,
  interrupted: () => Promise.resolve(),
};

for (const value of ["", "soon", "-1s", "1.5h", "1w", "1e3", "60 s", "99999999999999999999"]) {
  Deno.test(`durationOption() refuses ${JSON.stringify(value)}`, () => {
    assert.throws(() => durationOption("--overlap", value), { code: "usage" });
  });
}

Deno.test("durationOption() reads seconds", () => {
  const seconds = ["0", "90", "90s", "5m", "1h", "7d"].map((value) => durationOption("-x", value));
  assert.deepEqual(seconds, [0, 90, 90, 300, 3600, 604_800]);
});

for (
  const value of [
    "",
    "yesterday",
    "2027-01-31T12:00",
    "2027-01-31 12:00Z",
    "2027-13-01",
    "01/31/2027",
    "1800000000000",
    "-1",
  ]
) {
  Deno.test(`timeOption() refuses ${JSON.stringify(value)}`, () => {
    assert.throws(() => timeOption("--not-after", value, io), { code: "usage" });
  });
}

Deno.test("timeOption() reads times, and rounds up so that now means all of this second", () => {
  const times: [string, number][] = [
    ["now", 1_800_000_001],
    ["1800000000", 1_800_000_000],
    ["2027-01-15", 1_799_971_200],
    ["2027-01-15T08:00:00Z", 1_800_000_000],
    ["2027-01-15T09:00:00+01:00", 1_800_000_000],
    ["2027-01-15T08:00:00.001Z", 1_800_000_001],
  ];
  for (const [value, seconds] of times) assert.equal(timeOption("-x", value, io), seconds, value);
});

Deno.test("integerOption() reads whole numbers and nothing else", () => {
  assert.equal(integerOption("--limit", "20"), 20);
  for (const value of ["", "-1", "1.5", "0x10", "1e3", "20 "]) {
    assert.throws(() => integerOption("--limit", value), { code: "usage" });
  }
});

Deno.test("repeated() gathers, and begins anew after a --no- flag", () => {
  assert.deepEqual(repeated("b", repeated("a")), ["a", "b"]);
  assert.deepEqual(repeated("a", false), ["a"]);
});
