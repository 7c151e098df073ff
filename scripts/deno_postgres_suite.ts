/**
 * The tests that `deno_postgres_contract.ts` runs in its scratch project, beside a `pool.ts` that makes pools of
 * the real deno-postgres.
 */
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import { deactivateIssuer, registerPublicKey, setPolicy } from "@countersign/registry-admin";
import { generateIssuerKeyPair } from "@countersign/signer";
import {
  type DenoPostgresPool,
  fromDenoPostgres,
  postgresKeySource,
} from "@countersign/swap-proxy";
import { keySourceContract } from "@countersign/verifier/testing";
import assert from "node:assert/strict";
import postgres from "postgres";

const POOL: string = "./pool.ts";
const { makePool }: { makePool(url: string, size: number): DenoPostgresPool } = await import(POOL);

let target: LocalTarget;
let sql: postgres.Sql;

Deno.test.beforeAll(async () => {
  target = await startLocalTarget({
    function: false,
    sql: [
      "select countersign.create_writer_role('widgets_writer')",
      "alter role countersign_reader login password 'reader'",
    ],
  });
  sql = postgres(target.databaseUrl, { max: 1, prepare: false, onnotice: () => {} });
});
Deno.test.afterAll(async () => {
  await sql.end();
  await target.stop();
});

/** A source whose clock can be put forward, as `countersign_reader`. */
function openSource(size: number) {
  const url = new URL(target.databaseUrl);
  url.username = "countersign_reader";
  url.password = "reader";
  url.searchParams.set("sslmode", "disable");
  const client = fromDenoPostgres(makePool(url.href, size));
  let ahead = 0;
  const source = postgresKeySource(client, { now: () => performance.now() + ahead });
  return {
    client,
    source,
    forward: () => void (ahead += 5_001),
    async close() {
      await source.close();
      await client.end();
    },
  };
}

async function register(issuer: string): Promise<void> {
  const { publicKey } = await generateIssuerKeyPair({ algorithm: "ES256" });
  const roles = ["widgets_writer"];
  await registerPublicKey({ sql, issuer, publicKey, algorithm: "ES256", roles });
}

keySourceContract("postgresKeySource(fromDenoPostgres(Pool))", () => {
  const { client, source, forward, close } = openSource(1);
  return {
    source,
    register,
    change: async (issuer) => void await setPolicy({ sql }, issuer, { maxTokenLifetime: 60 }),
    deactivate: (issuer) => deactivateIssuer({ sql }, issuer),
    settle: forward,
    async cutOff() {
      await client.end();
      forward();
    },
    async dispose() {
      await close();
      await sql`delete from public.jwt_public_keys`;
      await sql`delete from public.jwt_issuers`;
    },
  };
});

for (const size of [1, 3]) {
  Deno.test(`fromDenoPostgres() with ${size} clients is well within a second of a restart`, async () => {
    const issuer = `service-${size}`;
    await register(issuer);
    const { source, forward, close } = openSource(size);
    assert.equal((await source.find(issuer))?.issuer, issuer);
    await target.postgres.stop();
    // More attempts than the pool has clients to lose.
    const away = performance.now();
    let refused = 0;
    while (performance.now() - away < 2_000) {
      forward();
      await assert.rejects(async () => await source.find(issuer));
      refused++;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await target.postgres.start();
    const back = performance.now();
    for (;;) {
      try {
        if (await source.find(issuer) !== undefined) break;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    const took = Math.round(performance.now() - back);
    console.log(`${refused} times turned away; well again after ${took} ms`);
    assert.ok(took < 1_000, `${took} ms`);
    await close();
  });
}

Deno.test("fromDenoPostgres() answers within a tenth of a second", async () => {
  const { client, close } = openSource(1);
  const times: number[] = [];
  for (let n = 0; n < 50; n++) {
    const started = performance.now();
    await client.query("select $1::text as name", ["billing"]);
    times.push(performance.now() - started);
  }
  const median = times.sort((a, b) => a - b)[25]!;
  console.log(`${median.toFixed(1)} ms for a statement with a parameter (median of 50)`);
  assert.ok(median < 100);
  await close();
});
