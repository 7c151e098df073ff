import { startLocalTarget } from "@countersign/local-target";
import { generateIssuerKeyPair } from "@countersign/signer";
import assert from "node:assert/strict";
import postgres from "postgres";
import {
  applyMigrations,
  deactivateIssuer,
  disableGuard,
  enableGuard,
  guardStatus,
  listIssuers,
  listPublicKeys,
  MIGRATIONS,
  registerPublicKey,
  RegistryError,
  type RegistryErrorCode,
  type RegistryTarget,
} from "./mod.ts";

async function refused(code: RegistryErrorCode, operation: Promise<unknown>): Promise<string> {
  const error = await operation.then(() => undefined, (thrown) => thrown);
  assert(error instanceof RegistryError, Deno.inspect(error));
  assert.equal(error.code, code, error.message);
  return error.message;
}

Deno.test("every operation says how to get a registry that is missing; applyMigrations() makes it", async () => {
  await using local = await startLocalTarget({ function: false, migrations: false });
  const { databaseUrl } = local;
  const rest = { supabaseUrl: local.url, serviceRoleKey: local.serviceRoleKey };
  for (const target of [rest, { databaseUrl }]) {
    assert.match(await refused("schema_missing", listPublicKeys(target)), /supabase db push/);
    assert.match(
      await refused("schema_missing", deactivateIssuer(target, "a")),
      /supabase db push/,
    );
  }
  assert.match(await refused("schema_missing", guardStatus({ databaseUrl })), /supabase db push/);

  // Several at once, as in a deployment of many instances; and again, as in the next one.
  await Promise.all([1, 2, 3, 4].map(() => applyMigrations(databaseUrl)));
  await registerPublicKey({ databaseUrl, issuer: "billing", publicKey: await key() });
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  await applyMigrations({ sql });
  await sql.end();
  assert.deepEqual((await listIssuers({ databaseUrl })).map(({ issuer }) => issuer), ["billing"]);

  await local.reloadSchema();
  assert.equal((await listPublicKeys(rest)).length, 1);
});

Deno.test("applyMigrations() changes nothing when a migration fails", async () => {
  await using local = await startLocalTarget({
    function: false,
    migrations: false,
    // What another registry of the same name looks like: an early migration refuses it.
    sql: ["create table public.jwt_public_keys (issuer text primary key, public_key text)"],
  });
  const message = await refused("refused_by_database", applyMigrations(local.databaseUrl));
  assert.match(message, /jwt_public_keys exists/);
  const sql = postgres(local.databaseUrl, { max: 1 });
  const schemas = await sql`select from pg_namespace where nspname = 'countersign'`;
  await sql.end();
  assert.equal(schemas.length, 0);
});

Deno.test("wrong credentials are not_authorized over every way, and change nothing", async () => {
  await using local = await startLocalTarget({ function: false });
  const { url: supabaseUrl, databaseUrl } = local;
  const wrongPassword = new URL(databaseUrl);
  wrongPassword.password = "wrong-password";
  const reader = new URL(databaseUrl);
  reader.username = "countersign_reader";
  reader.password = "reading";
  const owner = postgres(databaseUrl, { max: 1 });
  await owner.unsafe("alter role countersign_reader login password 'reading'");
  await owner.end();

  const forged = local.serviceRoleKey.replace(/.$/, (last) => last === "A" ? "E" : "A");
  const wrong: RegistryTarget[] = [
    { supabaseUrl, serviceRoleKey: local.anonKey },
    { supabaseUrl, serviceRoleKey: forged },
    { supabaseUrl, serviceRoleKey: "sb_secret_of_another_project" },
    { databaseUrl: wrongPassword.href },
    { databaseUrl: reader.href },
  ];
  for (const target of wrong) {
    const publicKey = await key();
    const message = await refused(
      "not_authorized",
      registerPublicKey({ ...target, issuer: "billing", publicKey, roles: [] }),
    );
    assert(!message.includes(forged) && !message.includes("wrong-password"));
  }
  assert.deepEqual(await listIssuers({ databaseUrl }), []);
});

Deno.test("listPublicKeys() reads on when the target gives only a few rows at a time", async () => {
  await using local = await startLocalTarget({ function: false });
  const { databaseUrl } = local;
  for (let count = 0; count < 5; count++) {
    await registerPublicKey({ databaseUrl, issuer: `issuer-${count}`, publicKey: await key() });
  }
  const sql = postgres(databaseUrl, { max: 1 });
  await sql.unsafe(
    "alter role authenticator set pgrst.db_max_rows = '2'; notify pgrst, 'reload config'",
  );
  await sql.end();
  const rest = { supabaseUrl: local.url, serviceRoleKey: local.secretKey };
  const headers = { apikey: local.secretKey };
  for (;;) {
    const response = await fetch(`${local.restUrl}/jwt_issuers`, { headers });
    if ((await response.json()).length === 2) break;
  }
  assert.deepEqual(await listPublicKeys(rest), await listPublicKeys({ databaseUrl }));
  assert.equal((await listIssuers(rest)).length, 5);
});

Deno.test("enableGuard() and disableGuard() report what PostgREST is told", async () => {
  await using local = await startLocalTarget({ function: false });
  const { databaseUrl } = local;
  const off = await guardStatus({ databaseUrl });
  assert.deepEqual(off, {
    enabled: false,
    preRequest: null,
    chained: null,
    enabledAt: null,
    usedTokens: 0,
  });
  await refused("invalid_argument", enableGuard({ databaseUrl }, { chain: "public.missing" }));
  const on = await enableGuard({ databaseUrl });
  assert.equal(on.enabled, true);
  assert.equal(on.preRequest, "countersign.check_request");
  assert.deepEqual(await enableGuard({ databaseUrl }), on);
  assert.deepEqual(await guardStatus({ databaseUrl }), on);
  assert.deepEqual(await disableGuard({ databaseUrl }), off);
});

Deno.test("MIGRATIONS are in order, and each has SQL", () => {
  const names = MIGRATIONS.map(({ name }) => name);
  assert.deepEqual(names, names.toSorted());
  assert(MIGRATIONS.length > 0 && MIGRATIONS.every(({ sql }) => sql.length > 0));
});

async function key(): Promise<string> {
  return (await generateIssuerKeyPair({ algorithm: "EdDSA" })).publicKey;
}
