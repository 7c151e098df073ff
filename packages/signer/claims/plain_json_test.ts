// Not the strict one: JSON has one zero, and gives its objects a prototype.
import { deepEqual as looseDeepEqual } from "node:assert";
import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { SignerError } from "../errors.ts";
import { plainJson } from "./plain_json.ts";

function refuses(value: unknown, says: string): void {
  assert.throws(() => plainJson(value), (error) => {
    assert.ok(error instanceof SignerError);
    assert.equal(error.code, "invalid_claims");
    assert.ok(error.message.includes(says), error.message);
    return true;
  });
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

Deno.test("plainJson() refuses values that JSON does not have, and says where", () => {
  refuses({ size: undefined }, 'claim "size", found a value of type undefined');
  refuses({ size: () => 1 }, 'claim "size", found a value of type function');
  refuses({ size: 1n }, 'claim "size", found a value of type bigint');
  refuses({ size: Symbol("x") }, 'claim "size", found a value of type symbol');
  refuses({ size: NaN }, 'claim "size"');
  refuses({ widgets: [{ size: Infinity }] }, 'claim "widgets[0].size"');
  // deno-lint-ignore no-sparse-arrays
  refuses({ widgets: [1, , 3] }, 'claim "widgets[1]"');
  refuses(undefined, "the claims");
});

Deno.test("plainJson() refuses instances of classes, which JSON would change", () => {
  class Widget {
    size = 1;
  }
  for (
    const value of [
      new Date(0),
      new Map([["a", 1]]),
      new Set([1]),
      new Uint8Array(2),
      new Widget(),
      /x/,
    ]
  ) {
    refuses({ value }, 'claim "value", found an instance of a class');
  }
  refuses({ toJSON: () => "other" }, 'claim "toJSON"');
  refuses(Object.create({ role: "admin" }), "the claims, found an instance of a class");
});

Deno.test("plainJson() refuses numbers and text that would not reach a policy unchanged", () => {
  for (const number of [2 ** 53, -(2 ** 53), 1e308]) refuses({ number }, 'claim "number"');
  for (const text of ["a\0b", "\ud800", "\udc00x"]) {
    refuses({ text }, 'text that Postgres can hold in claim "text"');
    refuses({ outer: { [text]: 1 } }, 'text that Postgres can hold in claim "outer"');
  }
  refuses(JSON.parse('{"__proto__": {"role": "admin"}}'), "__proto__");
  plainJson({ number: 2 ** 53 - 1, text: "\ud83d\ude00", proto: {} });
});

Deno.test("plainJson() refuses what never ends or is nested too deeply", () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  refuses(circular, "at most 32 levels of nesting");
  refuses(nested(33), "at most 32 levels of nesting");
  refuses(nested(100_000), "at most 32 levels of nesting");
  plainJson(nested(32));
});

Deno.test("plainJson() takes plain objects of any realm", () => {
  plainJson(runInNewContext('({ sub: "job-1", widgets: [{ size: 1 }] })'));
  plainJson(Object.assign(Object.create(null), { size: 1 }));
});

Deno.test("plainJson() takes nothing that JSON would change", () => {
  fc.assert(
    fc.property(fc.anything({ withDate: true, withMap: true, withBigInt: true }), (value) => {
      try {
        looseDeepEqual(plainJson(value), value);
      } catch (error) {
        assert.ok(error instanceof SignerError);
        return;
      }
      looseDeepEqual(JSON.parse(JSON.stringify(value)), value);
    }),
  );
});

Deno.test("plainJson() takes whatever JSON can say and Postgres can hold", () => {
  const scalar = fc.oneof(
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.stringMatching(/^[^\0]*$/),
  );
  const name = fc.stringMatching(/^[a-z]{1,8}$/);
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 8 },
      scalar,
      fc.array(tie("tree")),
      fc.dictionary(name, tie("tree")),
    ),
  }));
  fc.assert(fc.property(tree, (value) => looseDeepEqual(plainJson(value), value)));
});

Deno.test("plainJson() reads every member once, so that what was checked is what is signed", () => {
  let reads = 0;
  const claims = {
    get role() {
      return ++reads === 1 ? "writer" : "service_role\0";
    },
    nested: [{
      get sub() {
        return reads++ < 2 ? "job-1" : Symbol("another");
      },
    }],
  };
  const copy = plainJson(claims);
  assert.deepEqual(copy, { role: "writer", nested: [{ sub: "job-1" }] });
  assert.equal(reads, 2);
  assert.deepEqual(Object.getOwnPropertyDescriptor(copy, "role")?.get, undefined);
});
