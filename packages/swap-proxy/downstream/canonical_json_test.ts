// Whether it is what jsonb prints, only Postgres can say.
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import fc from "fast-check";
import assert from "node:assert/strict";
import postgres from "postgres";
import { canonicalJson } from "./canonical_json.ts";

/** A long run sets this: `deno task test:properties`. */
const CASES = Number(Deno.env.get("COUNTERSIGN_PROPERTY_RUNS") ?? 500);
/** Values that go to Postgres at a time. */
const BATCH = 50;

let target: LocalTarget;
let sql: postgres.Sql;
Deno.test.beforeAll(async () => {
  target = await startLocalTarget({ function: false, migrations: false });
  sql = postgres(target.databaseUrl, { max: 1, onnotice: () => {} });
});
Deno.test.afterAll(async () => {
  await sql.end();
  await target.stop();
});

/** What Postgres makes of the texts, in their order. */
async function printed(texts: readonly string[]): Promise<string[]> {
  const rows = await sql`
    select (j::jsonb)::text as text
    from jsonb_array_elements_text(${
    JSON.stringify(texts)
  }::text::jsonb) with ordinality as t (j, place)
    order by place`;
  return rows.map(({ text }) => String(text));
}

async function agrees(values: readonly unknown[]): Promise<void> {
  assert.deepEqual(values.map(canonicalJson), await printed(values.map((v) => JSON.stringify(v))));
}

const NUMBERS = [
  ...[0, -0, 1, -1, 10, 100, 1.5, -1.5, 0.1, 0.05, -0.1, 0.1e-6, 1e-6, 1e-7, -1e-7, 1.25e-9],
  ...[1e20, 1e21, -1e21, 1.5e21, 1.2345678901234567e25, 123456789012345680000, 1e22, 1e100, 1e300],
  ...[
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
    2 ** 53,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
  ],
  ...[
    Number.MIN_VALUE,
    Number.EPSILON,
    2.2250738585072014e-308,
    9007199254740990.5,
    4.35,
    0.1 + 0.2,
  ],
  ...[2 ** 31, 2 ** 31 - 1, 2 ** 32, 2 ** 63, 2 ** 64, 1 / 3, 1_800_000_000, 1_800_000_000.5],
];
const TEXTS = [
  "",
  " ",
  '"',
  "\\",
  "/",
  "\b\f\n\r\t",
  "\u0001\u001f\u007f\u0080\u009f",
  "</script>",
  "\\u0000",
  "\u2028\u2029\ufeff\ufffd\uffff",
  "é",
  "e\u0301",
  "鍵",
  "🔑",
  "👩‍👩‍👧‍👦",
  "\u{10ffff}",
  "\ue000",
  "null",
  "__proto__",
  "constructor",
  "toString",
  "0",
  "10",
  "-1",
  "1e21",
];

Deno.test("canonicalJson() prints numbers at every edge as Postgres does", () => agrees(NUMBERS));

Deno.test("canonicalJson() escapes as Postgres does", () => agrees(TEXTS));

Deno.test("canonicalJson() escapes every character as Postgres does", async () => {
  const planes = Array.from({ length: 0x11 }, (_, plane) => {
    let text = "";
    for (let point = plane << 16; point < (plane + 1) << 16; point++) {
      if (point !== 0 && (point < 0xd800 || point > 0xdfff)) text += String.fromCodePoint(point);
    }
    return text;
  });
  await agrees(planes);
});

Deno.test("canonicalJson() orders names as Postgres does", () =>
  agrees([
    // By length in bytes, then by bytes: UTF-16 puts U+E000 behind U+10000.
    { "\ue000": 1, "\u{10000}": 2, "zzzz": 3, "aaaaa": 4, "b": 5, "": 6, "é": 7, "zz": 8, "a": 9 },
    { "10": 1, "9": 2, "B": 3, "a": 4, "_": 5, "countersign": 6, "exp": 7, "iss": 8 },
    Object.fromEntries(TEXTS.toReversed().map((name, index) => [name, index])),
    Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`${i * 7919 % 2_003}`, i])),
  ]));

Deno.test("canonicalJson() nests as Postgres does", async () => {
  let deep: unknown = [];
  for (let depth = 0; depth < 500; depth++) deep = depth % 2 ? [deep, {}] : { a: deep, b: [] };
  await agrees([deep, {}, [], [[]], [{}], { a: {} }, { a: [] }, [[], {}, [[]]], null, true, false, [
    null,
  ]]);
});

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: fc.constantFrom(...'"\\/\b\f\n\r\t\u0001\u007f é\u0301\ue000🔑a') }),
  fc.constantFrom(...TEXTS),
).map((text) => text.replaceAll("\0", ""));
const { value } = fc.letrec((tie) => ({
  number: fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.double({ noNaN: true, min: -1e3, max: 1e3 }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.constantFrom(...NUMBERS),
  ),
  value: fc.oneof(
    { maxDepth: 8, withCrossShrink: true },
    fc.constantFrom(null, true, false, {}, []),
    tie("number"),
    text,
    fc.array(tie("value"), { maxLength: 6 }),
    fc.array(fc.tuple(text, tie("value")), { maxLength: 12 }).map(Object.fromEntries),
  ),
}));

Deno.test("canonicalJson() is what jsonb prints", async () => {
  const batch = fc.array(value, { minLength: BATCH, maxLength: BATCH, size: "max" });
  await fc.assert(fc.asyncProperty(batch, agrees), { numRuns: Math.ceil(CASES / BATCH) });
});

Deno.test("canonicalJson() refuses what is no JSON, or no text for Postgres", () => {
  const values = [
    undefined,
    NaN,
    Infinity,
    -Infinity,
    1n,
    Symbol("s"),
    () => 1,
    "\0",
    "a\0b",
    "\ud800",
    "\udc00",
    "a\udfffb",
    "\ud83d",
    "\udd11\ud83d",
  ];
  for (const value of values) {
    for (const holder of [value, [value], { a: { b: value } }]) {
      assert.throws(() => canonicalJson(holder), TypeError);
    }
    if (typeof value === "string") assert.throws(() => canonicalJson({ [value]: 1 }), TypeError);
  }
});
