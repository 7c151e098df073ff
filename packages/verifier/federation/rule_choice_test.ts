import assert from "node:assert/strict";
import { makeRule } from "@countersign/fixture/federation";
import { AUDIENCE, isRefusal } from "../fixtures/tokens.ts";
import { judgeRule, type ProviderRecord } from "../mod.ts";
import { chooseRule, type RuleWish } from "./rule_choice.ts";

const CLAIMS = { aud: AUDIENCE, repository_id: "74", ref: "refs/heads/main" };
const record = (...rules: ProviderRecord["rules"]): ProviderRecord => ({
  provider: "https://ci.example.com",
  isActive: true,
  keysFrom: "jwks",
  jwksUri: null,
  jwks: null,
  algorithms: ["RS256"],
  allowPrivate: false,
  rules,
  revokedKids: [],
});
const choose = (provider: ProviderRecord, wish: RuleWish = {}, claims: object = CLAIMS) =>
  chooseRule({ ...claims }, provider, wish, { issuer: provider.provider, kid: "k" });

const one = makeRule();
const other = makeRule({ name: "release", conditions: { ref: "refs/heads/*" } });
const fork = makeRule({ name: "fork", conditions: { repository_id: "75" } });

Deno.test("chooseRule() takes the one active rule whose conditions all hold", () => {
  assert.equal(choose(record(fork, one)).rule, one);
  const both = makeRule({ conditions: { repository_id: "74", ref: "refs/heads/main" } });
  assert.equal(choose(record(fork, both)).rule, both);
});

Deno.test("chooseRule() refuses a token that no rule lets in", () => {
  const refused: [string, ProviderRecord, RuleWish?, object?][] = [
    ["no rule at all", record()],
    ["a rule for another repository", record(fork)],
    ["one of two conditions", record(makeRule({ conditions: { repository_id: "74", ref: "x" } }))],
    ["a rule without conditions", record(makeRule({ conditions: {} }))],
    ["an inactive rule", record({ ...one, isActive: false })],
    ["a rule that only observes", record({ ...one, mode: "observe" })],
    ["a wish for a rule of another repository", record(one, fork), { rule: "fork" }],
    ["a wish for nothing", record(one), { rule: "" }],
    ["a wish for a rule that does not exist", record(one), { rule: "__proto__" }],
    ["a wish in another case", record(one), { rule: "Deploy" }],
    ["a wish for an inactive rule", record(one, { ...other, isActive: false }), {
      rule: "release",
    }],
    ["a rule of an issuer that is not considered", record(one), { allowedIssuers: ["billing"] }],
    [
      "another audience of two rules",
      record(
        makeRule({ audiences: ["https://other.supabase.co"] }),
        fork,
      ),
    ],
  ];
  for (const [name, provider, wish, claims] of refused) {
    assert.throws(
      () => choose(provider, wish, claims),
      (error) => isRefusal(error, "rule_not_matched"),
      name,
    );
  }
});

Deno.test("chooseRule() refuses a token that several rules let in, unless the caller names one", () => {
  const provider = record(one, other);
  assert.throws(() => choose(provider), (error) => isRefusal(error, "ambiguous_rule"));
  assert.equal(choose(provider, { rule: "release" }).rule, other);
  assert.equal(choose(provider, { allowedIssuers: ["deployer"], rule: "deploy" }).rule, one);
});

Deno.test("chooseRule() refuses a token for an audience that no active rule names", () => {
  for (
    const aud of [
      undefined,
      null,
      "",
      [],
      {},
      "https://staging.supabase.co",
      `${AUDIENCE}/`,
      AUDIENCE.toUpperCase(),
      [null],
      [[AUDIENCE]],
      { 0: AUDIENCE },
    ]
  ) {
    assert.throws(
      () => choose(record(one), {}, { ...CLAIMS, aud }),
      (error) => isRefusal(error, "wrong_audience"),
      JSON.stringify(aud),
    );
  }
  assert.equal(choose(record(one), {}, { ...CLAIMS, aud: ["x", AUDIENCE] }).rule, one);
});

Deno.test("chooseRule() names the rules that only observe, and is not confused by them", () => {
  const trial = { ...other, mode: "observe" } as const;
  assert.deepEqual(choose(record(one, trial)), { rule: one, observedRules: ["release"] });
  assert.throws(() => choose(record(trial)), { observedRules: ["release"] });
});

Deno.test("judgeRule() says of every condition what was wanted and found", () => {
  const rule = makeRule({ conditions: { repository_id: "74", "/a/b": ["x", "y"] } });
  assert.deepEqual(judgeRule(rule, { ...CLAIMS, a: { b: "z" }, secret: "s" }), {
    name: "deploy",
    matches: false,
    audience: { wanted: [AUDIENCE], found: AUDIENCE, holds: true },
    conditions: [
      { claim: "repository_id", wanted: "74", found: "74", holds: true },
      { claim: "/a/b", wanted: ["x", "y"], found: "z", holds: false },
    ],
  });
  assert.equal(judgeRule(rule, { ...CLAIMS, a: { b: "y" } }).matches, true);
});
