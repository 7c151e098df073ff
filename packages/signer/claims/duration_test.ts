import assert from "node:assert/strict";
import fc from "fast-check";
import { durationSeconds } from "./duration.ts";
import { SignerError } from "../errors.ts";

const refused = (duration: unknown) =>
  assert.throws(
    // @ts-expect-error: callers without types, or with a configuration file, pass anything
    () => durationSeconds(duration),
    (error) => error instanceof SignerError && error.code === "invalid_duration",
    String(duration),
  );

Deno.test("durationSeconds() refuses what is not a duration", () => {
  const notDurations = [
    "",
    "60",
    "60 s",
    "s",
    "-60s",
    "1.5h",
    "60S",
    "5 minutes",
    "1h30m",
    "1w",
    "٣s",
    "60s\n",
  ];
  for (const text of notDurations) refused(text);
  for (const value of [null, undefined, true, {}, ["60s"], 60n]) refused(value);
});

Deno.test("durationSeconds() refuses numbers that are not whole seconds of a life", () => {
  for (const seconds of [0, -1, 1.5, NaN, Infinity, 2 ** 53]) refused(seconds);
  for (const text of ["0s", "0y"]) refused(text);
});

Deno.test("durationSeconds() refuses a date where a duration is meant, and takes ten years", () => {
  refused(1_764_000_000);
  refused(1_764_000_000_000);
  refused("11y");
  refused(315_576_001);
  assert.equal(durationSeconds("10y"), 315_576_000);
});

Deno.test("durationSeconds() reads every unit", () => {
  assert.equal(durationSeconds("60s"), 60);
  assert.equal(durationSeconds("5m"), 300);
  assert.equal(durationSeconds("1h"), 3_600);
  assert.equal(durationSeconds("30d"), 2_592_000);
  assert.equal(durationSeconds("5y"), 157_788_000);
  assert.equal(durationSeconds(90), 90);
});

Deno.test("durationSeconds() returns whole seconds within bounds, or refuses", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.double(), fc.integer()), (duration) => {
    try {
      const seconds = durationSeconds(duration);
      assert.ok(Number.isInteger(seconds) && seconds > 0 && seconds <= 315_576_000);
    } catch (error) {
      assert.ok(error instanceof SignerError);
    }
  }));
});
