import assert from "node:assert/strict";
import fc from "fast-check";
// The judgement is held to the code that it speaks of, which the package keeps to itself.
import { conditionHolds } from "../../../verifier/federation/condition.ts";
import { PROVIDER_FIELDS } from "./provider_fields.ts";
import { RULE_FIELDS } from "./rule_fields.ts";
import type { RegistryValue } from "./value.ts";

function judged(column: string, before: RegistryValue, after: RegistryValue): readonly string[] {
  const field = [...PROVIDER_FIELDS, ...RULE_FIELDS].find((field) => field.column === column);
  assert(field !== undefined, column);
  return field.loosens(before, after);
}

for (
  const [column, before, after] of [
    ["is_active", false, true],
    ["keys_from", "discovery", "jwks"],
    ["jwks_uri", "https://a.io", "https://b.io"],
    ["jwks_uri", null, "https://b.io"],
    ["jwks", '{"keys":[1]}', '{"keys":[2]}'],
    ["algorithms", ["RS256"], ["RS256", "ES256"]],
    ["allow_private", false, true],
    ["audiences", ["a"], ["a", "b"]],
    ["subject", "{a}", "{b}"],
    ["claims", "{}", '{"a":"b"}'],
    ["claims", '{"a":"b"}', '{"a":"c"}'],
    ["role", null, "a"],
    ["role", "a", null],
    ["max_token_lifetime", 60, 61],
    ["mode", "observe", "enforce"],
    ["conditions", '{"a":"b","c":"d"}', '{"a":"b"}'],
    ["conditions", '{"a":"b"}', '{"c":"b"}'],
    ["conditions", '{"a":"b"}', '{"a":"c"}'],
    ["conditions", '{"a":"b"}', '{"a":["b","c"]}'],
    ["conditions", '{"a":"1"}', '{"a":1}'],
    ["conditions", '{"a":"b/c"}', '{"a":"b/*"}'],
    ["conditions", '{"a":"b/*"}', '{"a":"b/**"}'],
    ["conditions", '{"a":"b/*"}', '{"a":"b*"}'],
    ["conditions", '{"a":"b/*"}', '{"a":"b/c/*"}'],
    ["conditions", '{"a":"b/*"}', '{"a":"b/c:d"}'],
    ["conditions", '{"a":"b/*"}', '{"a":"b/"}'],
    ["conditions", '{"a":"b/*"}', '{"a":"b/c**"}'],
  ] as const
) {
  Deno.test(`${column} loosens from ${JSON.stringify(before)} to ${JSON.stringify(after)}`, () => {
    assert.equal(judged(column, before, after).length, 1);
  });
}

for (
  const [column, before, after] of [
    ["is_active", true, false],
    ["keys_from", "jwks", "jwks"],
    ["jwks_uri", "https://a.io", null],
    ["algorithms", ["RS256", "ES256"], ["RS256"]],
    ["allow_private", true, false],
    ["audiences", ["a", "b"], ["b"]],
    ["claims", '{"a":"b"}', "{}"],
    ["role", "a", "a"],
    ["max_token_lifetime", 61, 60],
    ["mode", "enforce", "observe"],
    ["description", "a", "b"],
    ["conditions", '{"a":"b"}', '{"a":"b","c":"d"}'],
    ["conditions", '{"a":["b","c"]}', '{"a":"b"}'],
    ["conditions", '{"a":"b/*"}', '{"a":"b/c"}'],
    ["conditions", '{"a":"b/*"}', '{"a":"b/c*"}'],
    ["conditions", '{"a":"b**"}', '{"a":["b/*","b:c","b/**"]}'],
  ] as const
) {
  Deno.test(`${column} does not loosen from ${JSON.stringify(before)} to ${JSON.stringify(after)}`, () => {
    assert.deepEqual(judged(column, before, after), []);
  });
}

const text = fc.string({ unit: fc.constantFrom("a", "b", "/", ":"), minLength: 1, maxLength: 4 });
const scalar = fc.oneof(
  fc.tuple(text, fc.constantFrom("", "*", "**")).map(([text, end]) => text + end),
  fc.constantFrom(1, true),
);
const condition = fc.oneof(scalar, fc.array(scalar, { minLength: 1, maxLength: 2 }));

Deno.test("no change of a condition that is judged harmless lets in a claim", () => {
  let accepted = 0;
  let harmless = 0;
  fc.assert(
    fc.property(
      condition,
      condition,
      fc.oneof(text, fc.constantFrom(1, true)),
      (before, after, claim) => {
        const reasons = judged(
          "conditions",
          JSON.stringify({ a: before }),
          JSON.stringify({ a: after }),
        );
        if (reasons.length === 0) harmless++;
        if (!conditionHolds(after, claim) || conditionHolds(before, claim)) return;
        accepted++;
        assert.notEqual(reasons.length, 0, JSON.stringify({ before, after, claim }));
      },
    ),
    { numRuns: Number(Deno.env.get("COUNTERSIGN_PROPERTY_RUNS") ?? 20_000) },
  );
  assert(accepted > 100 && harmless > 100, `expected both kinds, got ${accepted} and ${harmless}`);
});
