/**
 * Writers with an exchanged token, straight at PostgREST, against a revocation. In the order of the write-ahead log no
 * write commits after it. `COUNTERSIGN_RACE_ROUNDS` says how often.
 */
import assert from "node:assert/strict";
import postgres from "postgres";
import type { TokenForge } from "@countersign/fixture";
import { inProcess, type Stage } from "@countersign/fixture/stage";
import { late, race, RACE_TABLE, WRITERS } from "../guard/race.ts";
import { exchanged, openExchangeStage, sendDirect } from "./exchange_stage.ts";

const ROUNDS = Number(Deno.env.get("COUNTERSIGN_RACE_ROUNDS") ?? 100);

Deno.test(`an exchanged token writes nothing after the revocation, in ${ROUNDS} rounds`, async () => {
  await using opened = await openExchangeStage(inProcess, [RACE_TABLE]);
  const superuser = postgres(opened.target.superuserUrl, { max: 1, onnotice: () => {} });
  try {
    await superuser`create extension pg_walinspect`;
    const { material } = opened.trusted;
    const renew = async () => await exchanged(opened, opened.trusted.token());
    let held = await renew();
    const stage: Stage = {
      ...opened,
      send: ({ token, ...attempt } = {}) => sendDirect(opened, String(token), attempt),
    };
    for (let round = 1; round <= ROUNDS; round++) {
      // Several minutes are longer than a token lives.
      if (round % 100 === 0) held = await renew();
      const issuer = { material, token: () => held } as TokenForge;
      const result = await race(stage, superuser, [opened.target.url], issuer, round);
      assert.deepEqual(late(result), [], `round ${round}`);
      assert.deepEqual(new Set(result.before), new Set([201]), `round ${round}`);
      assert.deepEqual(new Set(result.after), new Set([401]), `round ${round}`);
      assert.ok(result.writes.size >= WRITERS * 2);
      await opened
        .sql`update public.jwt_public_keys set is_active = true where kid = ${material.kid}`;
      await opened
        .sql`update public.jwt_issuers set is_active = true where issuer = ${material.issuer}`;
    }
  } finally {
    await superuser.end({ timeout: 1 });
  }
});
