import assert from "node:assert/strict";
import { boolean, durationUpTo, list, port } from "./values.ts";

Deno.test("list() refuses the remains of another notation, and what no name can be", () => {
  for (
    const value of [
      "",
      " , ",
      '["billing"]',
      "{billing}",
      "'billing'",
      "a\nb",
      "`a`",
      "b".repeat(256),
    ]
  ) {
    assert.throws(() => list(value), TypeError, value);
  }
  assert.deepEqual(list(" billing , https://shipping.example.com/a?b=c,"), [
    "billing",
    "https://shipping.example.com/a?b=c",
  ]);
});

Deno.test("boolean() takes no other word for a yes", () => {
  for (const value of ["", "t", "y", "2", "truthy", "enable", "null"]) {
    assert.throws(() => boolean(value), TypeError, value);
  }
  for (const value of ["true", "TRUE", "1", "yes", "On"]) assert.equal(boolean(value), true);
  for (const value of ["false", "False", "0", "no", "OFF"]) assert.equal(boolean(value), false);
});

Deno.test("durationUpTo() refuses what would be no bound, and says of a bare number that it is seconds", () => {
  const read = durationUpTo(60_000, "1m");
  for (const value of ["", "0", "0s", "-5s", "5 days", "1e3s", "Infinity", "5s5s", "0.0001s"]) {
    assert.throws(() => read(value), TypeError, value);
  }
  assert.throws(() => read("61s"), RangeError);
  assert.throws(() => read("5000"), /number without a unit is one of seconds/);
  const given = {
    "500ms": 500,
    "5s": 5_000,
    "5": 5_000,
    "1m": 60_000,
    "1min": 60_000,
    "0.5s": 500,
    "2 s": 2_000,
  };
  for (const [value, milliseconds] of Object.entries(given)) {
    assert.equal(read(value), milliseconds);
  }
});

Deno.test("port() refuses what is no port", () => {
  for (const value of ["", "-1", "65536", "80.5", "0x50", "999999", " 80"]) {
    assert.throws(() => port(value), RangeError, value);
  }
  for (const [value, number] of [["0", 0], ["8000", 8000], ["65535", 65535]] as const) {
    assert.equal(port(value), number);
  }
});
