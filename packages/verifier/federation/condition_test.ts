import assert from "node:assert/strict";
import { claimAt } from "./claim_path.ts";
import { conditionHolds } from "./condition.ts";
import type { Condition } from "./rule.ts";

/** The table of the reference: what is wanted, what matches, and what does not. */
const TABLE: readonly (readonly [Condition, readonly unknown[], readonly unknown[]])[] = [
  ["owner/name", ["owner/name", ["x", "owner/name"]], [
    "owner/name-evil",
    "Owner/name",
    "owner/name ",
    "owner/name\0",
    "evil/owner/name",
    "\u03bfwner/name",
    "owner/nam\u0435",
    "",
    undefined,
    null,
    {},
    { 0: "owner/name" },
    [["owner/name"]],
    [],
  ]],
  ["owner/*", ["owner/name", "owner/x"], [
    "owner/",
    "owner",
    "owner-evil/name",
    "owner/name/x",
    "owner/name:x",
    "x/owner/name",
    7,
    null,
  ]],
  ["owner/name*", ["owner/name-evil", "owner/name2"], ["owner/name", "owner/name/x"]],
  ["owner/**", ["owner/name", "owner/a/b:c"], ["owner/", "owner", "evil/owner/a"]],
  ["refs/heads/release-*", ["refs/heads/release-1"], [
    "refs/heads/release-",
    "refs/heads/release-1/x",
    "refs/tags/release-1",
  ]],
  ["repo:owner/name:*", ["repo:owner/name:pull_request"], [
    "repo:owner/name:ref:refs/heads/main",
    "repo:owner/name-evil:pull_request",
  ]],
  ["a*b", ["a*b"], ["axb", "ab", "a*bc"]],
  ["a***", ["a*x", "a*/:"], ["ax", "a*"]],
  ["*", [], ["x", "", "*", undefined]],
  ["**", [], ["x", "a/b", "**"]],
  ["", [], ["", undefined, null, []]],
  [74, [74, [1, 74]], ["74", 75, true, null]],
  ["74", ["74"], [74, ["x"]]],
  [0, [0, -0], ["0", false, "", null, undefined, []]],
  [true, [true, [true]], ["true", 1, false]],
  [false, [false], [undefined, null, 0, ""]],
  [["a", "b"], ["a", "b", ["x", "b"]], ["c", "a,b", undefined, []]],
  [["a", 1, "c-*"], ["a", 1, "c-1"], ["1", "c-", "c-/"]],
  [[], [], ["a", [], undefined]],
];

Deno.test("conditionHolds() holds for what a condition describes, and for nothing that is like it", () => {
  for (const [wanted, matching, others] of TABLE) {
    for (const found of matching) assert.ok(conditionHolds(wanted, found), show(wanted, found));
    for (const found of others) assert.ok(!conditionHolds(wanted, found), show(wanted, found));
  }
});

Deno.test("conditionHolds() never holds for a condition that is none", () => {
  for (const wanted of [null, undefined, {}, [["a"]], [null], [undefined], { a: 1 }, [""]]) {
    for (const found of [null, undefined, {}, "a", ["a"], [null], "", true]) {
      assert.ok(!conditionHolds(wanted as Condition, found), show(wanted, found));
    }
  }
});

Deno.test("claimAt() finds own members alone, and follows a pointer through objects", () => {
  const claims = JSON.parse(`{
    "sub": "s", "a/b": 1, "kubernetes.io": {"namespace": "prod", "a/b": {"~": 2}, "list": ["x"]},
    "https://example.com/team": "t", "empty": ""
  }`);
  const found: [string, unknown][] = [
    ["sub", "s"],
    ["a/b", 1],
    ["https://example.com/team", "t"],
    ["/kubernetes.io/namespace", "prod"],
    ["/kubernetes.io/a~1b/~0", 2],
    ["/sub", "s"],
    ["empty", ""],
  ];
  for (const [path, value] of found) assert.equal(claimAt(claims, path), value, path);
  for (
    const path of [
      "kubernetes.io.namespace",
      "/kubernetes.io/list/0",
      "/kubernetes.io/list/length",
      "/sub/length",
      "/",
      "",
      "toString",
      "constructor",
      "__proto__",
      "/constructor/name",
      "/kubernetes.io/__proto__",
    ]
  ) assert.equal(claimAt(claims, path), undefined, path);
});

function show(wanted: unknown, found: unknown): string {
  return `${JSON.stringify(wanted)} against ${JSON.stringify(found)}`;
}
