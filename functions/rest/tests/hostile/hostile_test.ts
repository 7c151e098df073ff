/**
 * Every attack over HTTP, against real PostgREST and real Postgres; each with a twin that differs
 * only in the attack and passes. The handler runs in this process, where its log has every refusal;
 * then all attacks are sent once more to the function as its own process, which must give the same
 * answers and print nothing that it must not.
 */
import assert from "node:assert/strict";
import { type Attempt, type HttpAnswer, newName } from "@countersign/fixture";
import {
  inProcess,
  keyFor,
  openStage,
  ownProcess,
  passes,
  refuses,
  type Stage,
} from "@countersign/fixture/stage";
import { CLAIMS, USER_ID_SPELLINGS } from "./claims.ts";
import { ENCODING } from "./encoding.ts";
import { HEADER } from "./header.ts";
import type { HostileCase } from "./hostile_case.ts";
import { KEYS } from "./keys.ts";
import { PLANTED_KEYS, plantNeutralPoint, STRONG_KEY } from "./planted_keys.ts";
import { PROXY } from "./proxy.ts";

const CLASSES: readonly (readonly [name: string, cases: readonly HostileCase[]])[] = [
  ["header", HEADER],
  ["encoding", ENCODING],
  ["claims", CLAIMS],
  ["keys", KEYS],
  ["proxy", PROXY],
];

/** What no log and no answer may ever hold: pieces of tokens, of keys and of secrets. */
function secretsOf(stage: Stage, tokens: readonly string[]): string[] {
  const { target } = stage;
  const { password } = new URL(target.databaseUrl);
  const forges = [stage.warehouse, stage.billing, stage.trusted, stage.observed, stage.strict];
  const keys = forges.flatMap(({ material }) => [material.privateKey, material.publicKey])
    .flatMap((pem) => pem.split("\n").filter((line) => line.length > 16 && !line.startsWith("--")));
  const downstream = stage.upstream.asked.map(({ headers }) => headers.get("authorization") ?? "");
  return [
    target.jwtSecret,
    target.serviceRoleKey,
    target.secretKey,
    target.anonKey,
    target.publishableKey,
    password,
    ...keys,
    ...[...tokens, ...downstream].flatMap((token) => token.split(/[. ]/)).filter((part) =>
      part.length > 24
    ),
  ];
}

Deno.test("the hostile suite", async (t) => {
  await using stage = await openStage(inProcess);
  await stage.sql`alter role risen_writer bypassrls`;
  await stage.sql`alter role heirs_parent bypassrls`;
  await plantNeutralPoint(stage);
  const forbidden: string[] = [];
  const attacks: { attempt: Attempt; answer: HttpAnswer }[] = [];

  for (const [name, cases] of CLASSES) {
    await t.step(name, async (t) => {
      for (const { attack, refused, forge, twin } of cases) {
        await t.step(attack, async () => {
          const row = newName();
          const attempt = { body: JSON.stringify({ name: row }), ...await forge(stage) };
          forbidden.push(row);
          attacks.push({ attempt, answer: await refuses(stage, refused, attempt) });
          await passes(stage, await twin(stage));
        });
      }
    });
  }

  await t.step("keys that anyone could sign for can't be planted by SQL either", async (t) => {
    const plant = (publicKey: string, algorithm: string) =>
      stage.sql`
        insert into public.jwt_public_keys (issuer, public_key, algorithm)
        values ('planted', ${publicKey}, ${algorithm})`;
    for (const { attack, publicKey, algorithm } of PLANTED_KEYS) {
      await t.step(attack, () => assert.rejects(plant(publicKey, algorithm), { code: "23514" }));
    }
    await t.step("one key for two issuers", async () => {
      const taken = stage.warehouse.material;
      await assert.rejects(plant(taken.publicKey, taken.algorithm), { code: "23505" });
    });
    await plant(STRONG_KEY.publicKey, STRONG_KEY.algorithm);
    const own = await keyFor("planted");
    await plant(own.publicKey, own.algorithm);
  });

  await t.step("every spelling of a user's id that Postgres reads is in the list", async () => {
    for (const spelling of USER_ID_SPELLINGS) {
      const [row] = await stage.sql`select ${spelling}::text::uuid = ${
        USER_ID_SPELLINGS[0]
      } as same`;
      assert.equal(row?.same, true, spelling);
    }
  });

  await t.step("what the server itself refuses, PostgREST is never asked either", async () => {
    const before = stage.upstream.asked.length;
    for (const size of [64_000, 1_000_000]) {
      const token = stage.warehouse.token({ header: { kid: "k".repeat(size) } });
      const { status } = await stage.send({ token });
      assert.ok(status === 400 || status === 431, `${status}`);
    }
    assert.equal(stage.upstream.asked.length, before);
  });

  await using other = await ownProcess.start(stage.env);
  await t.step("the function as its own process gives the same answers", async () => {
    const before = stage.upstream.asked.length;
    for (const { attempt, answer } of attacks) {
      const again = await stage.send(attempt, other.origin);
      assert.deepEqual([again.status, again.text], [answer.status, answer.text]);
    }
    assert.equal(stage.upstream.asked.length, before);
  });

  await t.step("no refused request wrote a row", async () => {
    const written = await stage.sql`select name from public.widgets where name = any(${forbidden})`;
    assert.deepEqual([...written], []);
  });

  await t.step("no token, key, secret or unverified claim is in a log or an answer", () => {
    const places = {
      log: stage.function.printed(),
      "process's output": other.printed(),
      answers: stage.answered.join("\n"),
    };
    const secrets = secretsOf(stage, attacks.flatMap(({ attempt }) => attempt.token ?? []));
    for (const [name, text] of Object.entries(places)) {
      assert.ok(text.length > 5_000, `there is something to search in the ${name}`);
      for (const secret of secrets) {
        assert.ok(!text.includes(secret), `found ${secret} in the ${name}`);
      }
      assert.doesNotMatch(text, /canary/i, name);
    }
  });
});
