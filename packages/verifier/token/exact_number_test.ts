import assert from "node:assert/strict";
import fc from "fast-check";
import { isExactNumber } from "./exact_number.ts";

Deno.test("isExactNumber() refuses what is rounded when it is read", () => {
  const rounded = [
    "0.1234567890123456789012345",
    "1e-400",
    "-1e-400",
    "9007199254740991.4",
    "9007199254740993",
    "123456789012345678",
    "1e400",
    "-1e400",
    "0.10000000000000001",
  ];
  for (const literal of rounded) assert.equal(isExactNumber(literal), false, literal);
});

Deno.test("isExactNumber() takes every spelling of a value that a double has", () => {
  const exact = [
    "0",
    "-0",
    "0.0",
    "-0.0e5",
    "1",
    "1.0",
    "1e0",
    "1E+2",
    "100",
    "0.1",
    "0.30000000000000004",
    "9007199254740991",
    "9007199254740991.0",
    "1e21",
    "1000000000000000000000",
    "5e-324",
    "2.5e-7",
    "0.00000025",
    "1.7976931348623157e308",
  ];
  for (const literal of exact) assert.equal(isExactNumber(literal), true, literal);
  fc.assert(fc.property(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    (number) => isExactNumber(JSON.stringify(number)),
  ));
});

Deno.test("isExactNumber() reads a long row of zeros in linear time", () => {
  const before = performance.now();
  isExactNumber(`1${"0".repeat(200_000)}1e1`);
  isExactNumber(`0.${"0".repeat(200_000)}1`);
  assert.ok(performance.now() - before < 1_000);
});
