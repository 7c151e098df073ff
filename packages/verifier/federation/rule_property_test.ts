import assert from "node:assert/strict";
import fc from "fast-check";
import { makeRule } from "@countersign/fixture/federation";
import { AUDIENCE } from "../fixtures/tokens.ts";
import {
  type Condition,
  type FederationRule,
  JwtVerificationError,
  type ProviderRecord,
} from "../mod.ts";
import { chooseRule } from "./rule_choice.ts";

/** A long run sets this: `COUNTERSIGN_PROPERTY_RUNS=100000 deno test -A packages/verifier/federation/rule_property_test.ts`. */
const numRuns = Number(Deno.env.get("COUNTERSIGN_PROPERTY_RUNS") ?? 2000);

// Few letters, so that conditions and claims meet.
const text = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("a", "ab", "a/b", "a*", "a**", "a/*") },
  fc.string({ unit: fc.constantFrom("a", "b", "/", ":", "*"), maxLength: 4 }),
);
const scalar = fc.oneof(
  { weight: 6, arbitrary: text },
  fc.constantFrom<number | boolean>(0, 1, 74, true, false),
);
const condition = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }));
const paths = ["a", "b", "/n/a", "n"] as const;
const conditions = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ a: fc.constantFrom<Condition>("a*", "a**", ["a", 74], true) }),
  },
  fc.dictionary(fc.constantFrom(...paths), condition, {
    minKeys: 0,
    maxKeys: 2,
  }),
);
const found = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 6, arbitrary: fc.constantFrom("a", "ab", "a/b", 74, true) },
  fc.array(scalar, { maxLength: 3 }),
  fc.constantFrom<unknown>(null, {}, [["a"]], [null], { a: "a" }),
);
const claims = fc.record(
  {
    aud: fc.oneof(
      { weight: 8, arbitrary: fc.constant(AUDIENCE) },
      fc.constantFrom<unknown>([AUDIENCE, "x"], "x", [], null, undefined, ["x"]),
    ),
    a: found,
    b: found,
    n: fc.oneof(fc.record({ a: found }), found),
  },
  { requiredKeys: ["aud"] },
);
const names = ["one", "two", "three"];
const rules = fc.array(
  fc.record({
    conditions,
    audiences: fc.constantFrom([AUDIENCE], ["x"], [AUDIENCE, "x"]),
    mode: fc.constantFrom("enforce", "enforce", "enforce", "observe"),
    isActive: fc.constantFrom(true, true, true, false),
    issuer: fc.constantFrom("deployer", "billing"),
  }),
  { minLength: 1, maxLength: 3 },
).map((drafts) => drafts.map((draft, index) => makeRule({ ...draft, name: names[index] ?? "" })));
const wishes = fc.record({
  rule: fc.option(fc.constantFrom(...names, "four", ""), { nil: undefined, freq: 3 }),
  allowedIssuers: fc.option(fc.constantFrom(["deployer"], ["billing"], []), {
    nil: undefined,
    freq: 2,
  }),
});

/** The reference's sentences once more, in another shape: a condition as a regular expression over one spelling. */
function model(
  given: Record<string, unknown>,
  candidates: readonly FederationRule[],
  wish: { rule: string | undefined; allowedIssuers: readonly string[] | undefined },
): string {
  const spell = (value: unknown) => `${typeof value}|${JSON.stringify(value)}`;
  const escape = (literal: string) => literal.replace(/[/:*|\\^$.+?()[\]{}"]/g, "\\$&");
  const pattern = (wanted: unknown): RegExp => {
    if (typeof wanted !== "string") return new RegExp(`^${escape(spell(wanted))}$`);
    const [, stem = "", stars = ""] = /^(.*?)(\*{0,2})$/s.exec(wanted) ?? [];
    if (stem === "") return /[^\s\S]/;
    const rest = stars === "**" ? '[^"]+' : stars === "*" ? '[^"/:]+' : "";
    return new RegExp(`^string\\|"${escape(stem)}${rest}"$`);
  };
  const at = (path: string): unknown => {
    if (path !== "/n/a") return given[path];
    const { n } = given;
    return typeof n === "object" && n !== null && !Array.isArray(n)
      ? (n as Record<string, unknown>)["a"]
      : undefined;
  };
  const holds = ([path, wanted]: [string, unknown]) =>
    [wanted].flat().some((one) => {
      const claim = at(path);
      const values = Array.isArray(claim) ? claim : [claim];
      return values.filter((value) => ["string", "number", "boolean"].includes(typeof value))
        .some((value) => pattern(one).test(spell(value)));
    });
  const audiences = [given["aud"]].flat();
  const live = candidates.filter(({ isActive, issuer }) =>
    isActive && (wish.allowedIssuers ?? [issuer]).includes(issuer)
  );
  const hears = (rule: FederationRule) => rule.audiences.some((name) => audiences.includes(name));
  const chosen = live.filter((rule) => {
    const all = Object.entries(rule.conditions);
    return all.length > 0 && all.every(holds) && hears(rule) && rule.mode === "enforce" &&
      [undefined, rule.name].includes(wish.rule);
  });
  if (chosen.length === 1) return chosen[0]?.name ?? "";
  if (chosen.length > 1) return "ambiguous_rule";
  return live.length > 0 && !live.some(hears) ? "wrong_audience" : "rule_not_matched";
}

Deno.test("chooseRule() decides as a model of the reference does", () => {
  const outcomes = new Map<string, number>();
  fc.assert(
    fc.property(claims, rules, wishes, (given, candidates, wish) => {
      const provider: ProviderRecord = {
        provider: "https://ci.example.com",
        isActive: true,
        keysFrom: "jwks",
        jwksUri: null,
        jwks: null,
        algorithms: ["RS256"],
        allowPrivate: false,
        rules: candidates,
        revokedKids: [],
      };
      let outcome: string;
      try {
        outcome = chooseRule(given, provider, wish, {}).rule.name;
      } catch (error) {
        if (!(error instanceof JwtVerificationError)) throw error;
        outcome = error.reason;
      }
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      assert.equal(outcome, model(given, candidates, wish));
    }),
    { numRuns },
  );
  // A run in which nothing is ever let in would say nothing.
  for (const outcome of ["one", "rule_not_matched", "wrong_audience"]) {
    assert.ok((outcomes.get(outcome) ?? 0) > 0, `${outcome}: ${JSON.stringify([...outcomes])}`);
  }
});
