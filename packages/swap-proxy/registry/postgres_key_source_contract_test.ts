// What the double of postgres_key_source_test.ts can't decide: the real registry.
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import { deactivateIssuer, registerPublicKey, setPolicy } from "@countersign/registry-admin";
import { generateIssuerKeyPair } from "@countersign/signer";
import { keySourceContract } from "@countersign/verifier/testing";
import assert from "node:assert/strict";
import postgres from "postgres";
import { connectPostgres } from "@countersign/postgres";
import { postgresKeySource, type PostgresKeySourceOptions } from "./postgres_key_source.ts";

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

/** The registry as the proxy's own, least privileged role sees it. */
function readerUrl(): string {
  const url = new URL(target.databaseUrl);
  url.username = "countersign_reader";
  url.password = "reader";
  return url.href;
}

async function register(issuer: string): Promise<void> {
  const { publicKey } = await generateIssuerKeyPair({ algorithm: "ES256" });
  await registerPublicKey({
    sql,
    issuer,
    publicKey,
    algorithm: "ES256",
    roles: ["widgets_writer"],
  });
}

/** A source whose clock can be put forward, so that nothing has to wait for staleness to pass. */
function makeSource(listen: boolean, options: PostgresKeySourceOptions = {}) {
  let ahead = 0;
  const client = connectPostgres(readerUrl(), { listen });
  const source = postgresKeySource(client, { now: () => performance.now() + ahead, ...options });
  return {
    client,
    source,
    forward: (milliseconds: number) => void (ahead += milliseconds),
    async close() {
      await source.close();
      await client.end();
    },
  };
}

/** Milliseconds until the source answers as expected. */
async function untilFound(holds: () => Promise<boolean>): Promise<number> {
  const start = performance.now();
  while (!await holds()) await new Promise((resolve) => setTimeout(resolve, 1));
  return performance.now() - start;
}

for (const listen of [true, false]) {
  keySourceContract(`postgresKeySource() ${listen ? "listening" : "polling"}`, () => {
    const { client, source, forward, close } = makeSource(listen);
    return {
      source,
      register,
      change: async (issuer) => void await setPolicy({ sql }, issuer, { maxTokenLifetime: 60 }),
      deactivate: (issuer) => deactivateIssuer({ sql }, issuer),
      async registerProvider(provider) {
        await register("deployer");
        await sql`insert into public.jwt_oidc_providers (issuer) values (${provider})`;
        await sql`
          insert into public.jwt_federation_rules (name, provider, issuer, audiences, conditions, subject)
          values ('deploy', ${provider}, 'deployer', '{https://ref.supabase.co}', '{"repository_id": "74"}', 'gh')`;
      },
      deactivateProvider: async (provider) =>
        void await sql`
          update public.jwt_oidc_providers set is_active = false where issuer = ${provider}`,
      rotateSealKey: async () => void await sql`select countersign.rotate_seal()`,
      settle: () => forward(5_001),
      async cutOff() {
        await client.end();
        forward(5_001);
      },
      async dispose() {
        await close();
        await sql`delete from public.jwt_oidc_providers`;
        await sql`delete from public.jwt_public_keys`;
        await sql`delete from public.jwt_issuers`;
      },
    };
  });
}

Deno.test("postgresKeySource() sees a revocation within milliseconds where it listens", async () => {
  await register("service-a");
  const { source, close } = makeSource(true, { maxStaleness: 600_000 });
  await untilFound(async () => (await source.find("service-a"))?.isActive === true);
  // Once LISTEN has begun, which the second connection says.
  await untilFound(async () =>
    (await sql`
      select from pg_stat_activity where application_name = 'countersign' and query ~ '^listen'`)
      .length === 1
  );
  await deactivateIssuer({ sql }, "service-a");
  const took = await untilFound(async () => (await source.find("service-a"))?.isActive === false);
  assert.ok(took < 500, `${took} ms`);
  await close();
});

Deno.test("postgresKeySource() sees an ALTER ROLE that makes an allowed role unsafe", async () => {
  await register("service-b");
  await sql`create role turncoat`;
  await sql`grant turncoat to authenticator`;
  await setPolicy({ sql }, "service-b", { roles: ["widgets_writer", "turncoat"] });
  const { source, forward, close } = makeSource(false);
  const roles = async () => (await source.find("service-b"))?.policy.allowedRoles;
  assert.deepEqual(await roles(), ["widgets_writer", "turncoat"]);
  const superuser = postgres(target.superuserUrl, { max: 1 });
  await superuser`alter role turncoat bypassrls`;
  await superuser.end();
  forward(5_001);
  assert.deepEqual(await roles(), ["widgets_writer"]);
  await close();
});

Deno.test("postgresKeySource() outlives a restart of Postgres, and is well again within a second", async () => {
  await register("service-c");
  const { source, close } = makeSource(true);
  const known = await source.find("service-c");
  await target.postgres.stop();
  assert.equal(source.find("service-c"), known);
  const unknown = source.find("nobody");
  await assert.rejects(async () => await unknown);
  await target.postgres.start();
  const took = await untilFound(async () => {
    try {
      return await source.find(`nobody-${crypto.randomUUID()}`) === undefined;
    } catch {
      return false;
    }
  });
  assert.ok(took < 1_000, `${took} ms`);
  await close();
});
