import assert from "node:assert/strict";
import { isRefusal } from "../fixtures/tokens.ts";
import { parseJsonObject } from "./strict_json.ts";

const parse = (text: string) => parseJsonObject(new TextEncoder().encode(text));
const nested = (depth: number) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;

/** What is refused, and what differs from it in that alone. */
const CASES: Record<string, [attack: string, twin: string]> = {
  "a member twice": ['{"a":1,"a":1}', '{"a":1,"b":1}'],
  "a member twice, once spelled with an escape": ['{"a":1,"\\u0061":1}', '{"a":1,"\\u0062":1}'],
  "a member twice in an object of a list": ['{"a":[1,{"b":1,"b":2}]}', '{"a":[1,{"b":1,"c":2}]}'],
  "a member twice, behind an escaped quote": ['{"a":"\\"","b":1,"b":1}', '{"a":"\\"","b":1,"c":1}'],
  "a member twice, behind an escaped backslash": [
    '{"a":"\\\\","b":1,"b":1}',
    '{"a":"\\\\:","b":1}',
  ],
  "a member twice, whose value is dropped with its own members": [
    '{"a":{"b":1},"a":1}',
    '{"a":{"b":1}}',
  ],
  "a member named __proto__": ['{"__proto__":{}}', '{"__proto":{}}'],
  "a member named __proto__ by an escape": ['{"\\u005f_proto__":1}', '{"\\u005f_proto":1}'],
  "a lone surrogate": ['{"a":"\\ud800"}', '{"a":"\\ud83d\\ude00"}'],
  "a lone surrogate in a name": ['{"\\udc00":1}', '{"\\ud83d\\ude00":1}'],
  "a NUL": ['{"a":"\\u0000"}', '{"a":"\\u0001"}'],
  "a number that would be rounded": ['{"a":9007199254740993}', '{"a":9007199254740991}'],
  "a number of too many digits": ['{"a":0.10000000000000001}', '{"a":0.1}'],
  "a number beyond the range": ['{"a":1e400}', '{"a":1e4}'],
  "a number beyond 2^53 - 1 in few digits": ['{"a":-1e16}', '{"a":-9007199254740991}'],
  "a number that would become zero": ['{"a":1e-400}', '{"a":1e-300}'],
  "a number that would become zero, with E": ['{"a":1E-400}', '{"a":1E+2}'],
  "a number of too many digits in a list": ['{"a":[0,0.10000000000000001]}', '{"a":[0,1e+2]}'],
  "a number of too many digits before its exponent": [
    '{"a":9.10000000000000001e9}',
    '{"a":9.19e9}',
  ],
  "33 levels": [nested(32), '{"a":' + "[".repeat(31) + '0,"0"' + "]".repeat(31) + "}"],
  "a list in place of an object": ["[{}]", "{}"],
  "something after the object": ["{}{}", "{} "],
  "a comment": ["{}//", "{}\n"],
};

for (const [name, [attack, twin]] of Object.entries(CASES)) {
  Deno.test(`parseJsonObject() refuses ${name}`, () => {
    assert.throws(() => parse(attack), (error) => isRefusal(error, "malformed"));
    parse(twin);
  });
}

Deno.test("parseJsonObject() tells what is no text from what is no JSON object", () => {
  for (const bytes of [[0xff], [0x7b], [0xef, 0xbb, 0xbf, 0x7b, 0x7d]]) {
    assert.throws(() => parseJsonObject(Uint8Array.from(bytes)), { message: /JSON in UTF-8$/ });
  }
  for (const text of ["null", "1", "[]", '"a"']) {
    assert.throws(() => parse(text), { message: /JSON objects$/ });
  }
});

Deno.test("parseJsonObject() never repeats what it read", () => {
  for (const text of ['{"secret', '{"secret":1,"secret":2}', '"secret"', '{"a":"secret\\ud800"}']) {
    assert.throws(() => parse(text), (error) => {
      assert.ok(error instanceof Error);
      assert.doesNotMatch(`${error.message}${error.cause ?? ""}`, /secret/);
      return true;
    });
  }
});

Deno.test("parseJsonObject() freezes all that it read", () => {
  const { a } = parse('{"a":[{"b":{}}]}');
  assert.ok(Array.isArray(a));
  for (const value of [a, a[0], a[0].b]) assert.ok(Object.isFrozen(value));
});
