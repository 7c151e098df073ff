/**
 * Every attack over HTTP, against real PostgREST and real Postgres; each with a twin that differs
 * only in the attack and passes. On the first host the log has every refusal; each attack is also
 * sent to the second, which must give the same answer and print nothing that it must not.
 */
import assert from "node:assert/strict";
import { type Attempt, type HttpAnswer, newName } from "@countersign/fixture";
import { ATTACKS, USER_ID_SPELLINGS } from "@countersign/fixture/attacks";
import { USER_ID } from "@countersign/fixture/cast";
import {
  type Host,
  openStage,
  passes,
  refuses,
  type Stage,
  type StageOptions,
} from "@countersign/fixture/stage";
import type { RefusalReason } from "@countersign/swap-proxy";
import { plantKeys } from "./planted_keys.ts";
import { REQUESTS } from "./requests.ts";

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

/**
 * Registers the suite.
 *
 * @param answeredBefore Attacks that a server in front of the first host refuses in its own words.
 */
export function runHostileSuite(
  host: Host,
  another: Host,
  options: StageOptions = {},
  answeredBefore: readonly string[] = [],
): void {
  Deno.test(`the hostile suite, ${host.name}`, async (t) => {
    const before = await attackAll(t, host, another, options);
    assert.deepEqual(before.toSorted(), answeredBefore.toSorted());
  });
}

/** Returns the attacks that a server in front refused in its own words. */
async function attackAll(
  t: Deno.TestContext,
  host: Host,
  another: Host,
  options: StageOptions,
): Promise<string[]> {
  await using stage = await openStage(host, options);
  await stage.sql`alter role risen_writer bypassrls`;
  await stage.sql`alter role heirs_parent bypassrls`;
  await using other = await another.start(stage.env);
  const forbidden: string[] = [];
  const sent: string[] = [];
  const answeredBefore: string[] = [];

  const attackAndTwin = async (
    name: string,
    refused: RefusalReason,
    attempt: Attempt,
    twin: Attempt,
  ) => {
    const row = newName();
    const attack = { body: JSON.stringify({ name: row }), ...attempt };
    forbidden.push(row);
    if (typeof attempt.token === "string") sent.push(attempt.token);
    const answer = await refuses(stage, refused, attack);
    if (stage.function.answersItself?.(answer, refused)) answeredBefore.push(name);
    else assert.deepEqual(told(await stage.send(attack, other.origin)), told(answer));
    await passes(stage, twin);
  };

  for (const [kind, attacks] of Object.entries(ATTACKS)) {
    await t.step(kind, async (t) => {
      for (const { name, overHttp, token, twin } of attacks) {
        if (overHttp === null) continue;
        await t.step(
          name,
          () => attackAndTwin(name, overHttp, { token: token(stage) }, { token: twin(stage) }),
        );
      }
    });
  }
  await t.step("requests", async (t) => {
    for (const { name, refused, attempt, twin } of REQUESTS) {
      await t.step(name, () => attackAndTwin(name, refused, attempt(stage), twin(stage)));
    }
  });
  await t.step("keys planted by SQL", (t) => plantKeys(t, stage));
  await t.step("a key of another issuer, planted by SQL", async () => {
    const { publicKey, algorithm } = stage.warehouse.material;
    const planted = stage.sql`
      insert into public.jwt_public_keys (issuer, public_key, algorithm)
      values ('planted', ${publicKey}, ${algorithm})`;
    await assert.rejects(planted, { code: "23505" });
  });

  await t.step("every spelling of a user's id that Postgres reads is in the list", async () => {
    for (const spelling of USER_ID_SPELLINGS) {
      const [row] = await stage.sql`select ${spelling}::text::uuid = ${USER_ID} as same`;
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

  await t.step("no refused request wrote a row", async () => {
    const written = await stage.sql`select name from public.widgets where name = any(${forbidden})`;
    assert.deepEqual([...written], []);
  });

  await t.step("no token, key, secret or unverified claim is in a log or an answer", () => {
    const places = {
      log: stage.function.printed(),
      "other log": other.printed(),
      answers: stage.answered.join("\n"),
    };
    const secrets = secretsOf(stage, sent);
    for (const [name, text] of Object.entries(places)) {
      assert.ok(text.length > 5_000, `there is something to search in the ${name}`);
      for (const secret of secrets) {
        assert.ok(!text.includes(secret), `found ${secret} in the ${name}`);
      }
      assert.doesNotMatch(text, /canary/i, name);
    }
  });
  return answeredBefore;
}

/** What a caller is told, but for how long ago or how far away a time is. */
function told({ status, headers, text }: HttpAnswer): unknown[] {
  const timeless = text.replace(/\d+ seconds (?=ago|in the future|from now)/g, "some seconds ");
  const names = ["content-type", "www-authenticate", "cache-control", "retry-after", "allow"];
  return [status, timeless, ...names.map((name) => headers.get(name))];
}
