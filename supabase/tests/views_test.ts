import assert from "node:assert/strict";
import { parseIssuerRow } from "@countersign/verifier";
import { ed25519Pem, register, RegistryDatabase } from "./fixtures/registry_database.ts";
import { serverVersion, spelledFor } from "./fixtures/server_version.ts";

let registry: RegistryDatabase;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start();
});
Deno.test.afterAll(() => registry.stop());

Deno.test("jwt_issuer_policies is what the verifier's parseIssuerRow reads", async () => {
  await registry.undone(async (sql) => {
    const kid = await register(sql, "billing", {
      allowed_roles: ["widgets_writer", "gadgets_writer"],
      default_role: "widgets_writer",
      allowed_subjects: ["depot-*"],
      allowed_claims: ["depot"],
      audiences: ["ref"],
      max_token_lifetime: "90 seconds",
      max_exchange_lifetime: "5 minutes",
      reject_issued_before: "2026-01-01T00:00:00.25Z",
      single_use: true,
      mode: "observe",
    });
    await sql`update jwt_public_keys set not_before = '2026-01-01T00:00:00.25Z', not_after = '2100-01-01T00:00:00.75Z'`;
    const [row] = await sql`select * from jwt_issuer_policies`;
    assert.deepEqual(parseIssuerRow(row), {
      issuer: "billing",
      isActive: true,
      policy: {
        allowedRoles: ["widgets_writer", "gadgets_writer"],
        defaultRole: "widgets_writer",
        allowedSubjects: ["depot-*"],
        allowUserSubjects: false,
        allowedClaims: ["depot"],
        audiences: ["ref"],
        maxTokenLifetime: 90,
        maxExchangeLifetime: 300,
        // Rounded to the side that refuses more.
        rejectIssuedBefore: Date.UTC(2026, 0, 1) / 1000 + 1,
        singleUse: true,
        mode: "observe",
      },
      keys: [{
        kid,
        algorithm: "EdDSA",
        publicKey: await ed25519Pem("billing"),
        notBefore: Date.UTC(2026, 0, 1) / 1000 + 1,
        notAfter: Date.UTC(2100, 0, 1) / 1000,
      }],
      revokedKids: [],
    });
  });
});

Deno.test("jwt_issuer_policies has an issuer without keys, and one that is not active", async () => {
  await registry.undone(async (sql) => {
    await sql`insert into jwt_issuers (issuer, is_active) values ('a', true), ('b', false)`;
    assert.deepEqual(
      [...await sql`select issuer, is_active, keys, revoked_kids from jwt_issuer_policies order by 1`],
      [
        { issuer: "a", is_active: true, keys: [], revoked_kids: [] },
        { issuer: "b", is_active: false, keys: [], revoked_kids: [] },
      ],
    );
  });
});

// [state, what makes the key that, whether it is among the keys, whether among the revoked]
const STATES: readonly (readonly [string, string, boolean, boolean])[] = [
  ["current", "is_active = true", true, false],
  ["standby", "not_before = now() + interval '1 hour'", true, false],
  ["retired an hour ago", "not_after = now() - interval '1 hour'", true, false],
  ["retired for more than a day", "not_after = now() - interval '25 hours'", false, false],
  ["revoked", "is_active = false", false, true],
  [
    "revoked and retired",
    "is_active = false, not_after = now() - interval '25 hours'",
    false,
    true,
  ],
];
for (const [state, set, live, revoked] of STATES) {
  Deno.test(`jwt_issuer_policies ${live ? "has" : "lacks"} a key that is ${state}`, async () => {
    await registry.undone(async (sql) => {
      const kid = await register(sql, "billing");
      await sql.unsafe(`update jwt_public_keys set ${set}`);
      const [row] = await sql`
        select jsonb_path_query_array(keys, '$.kid') as kids, revoked_kids from jwt_issuer_policies`;
      assert.deepEqual(row, { kids: live ? [kid] : [], revoked_kids: revoked ? [kid] : [] });
    });
  });
}

Deno.test("jwt_issuer_policies has only this issuer's keys, and the newest 100 of those revoked", async () => {
  await registry.undone(async (sql) => {
    const kid = await register(sql, "billing");
    const other = await register(sql, "shipping");
    for (let n = 0; n < 101; n++) {
      await sql`insert into jwt_public_keys (issuer, public_key, algorithm, is_active)
        values ('billing', ${await ed25519Pem(`billing-${n}`)}, 'EdDSA', false)`;
    }
    const rows = await sql`
      select issuer, jsonb_path_query_array(keys, '$.kid') as kids, cardinality(revoked_kids) as revoked
      from jwt_issuer_policies order by 1`;
    assert.deepEqual([...rows], [
      { issuer: "billing", kids: [kid], revoked: 100 },
      { issuer: "shipping", kids: [other], revoked: 0 },
    ]);
  });
});

Deno.test("jwt_issuer_policies looks issuers up by index, and judges roles once a query", async () => {
  await registry.undone(async (sql) => {
    await sql`insert into jwt_issuers (issuer, allowed_roles)
      select 'svc-' || n, '{widgets_writer,gadgets_writer}' from generate_series(1, 2000) n`;
    await sql`analyze jwt_issuers`;
    const [row] = await sql<{ "QUERY PLAN": [{ Plan: Node }] }[]>`
      explain (analyze, format json)
      select to_jsonb(p) from jwt_issuer_policies p
      where issuer = any (array(select 'svc-' || n from generate_series(1, 50) n))`;
    assert(row !== undefined);
    const nodes = flatten(row["QUERY PLAN"][0].Plan);
    const on = (relation: string) => nodes.filter((node) => node["Relation Name"] === relation);
    assert.deepEqual(on("jwt_issuers").map((node) => node["Node Type"] === "Seq Scan"), [false]);
    assert.deepEqual(on("pg_authid").map((node) => node["Actual Loops"]), [1]);
    assert.deepEqual(on("pg_class").map((node) => node["Actual Loops"]), [1]);
  });
});

interface Node {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Actual Loops": number;
  readonly Plans?: readonly Node[];
}
function flatten(node: Node): Node[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)];
}

Deno.test("jwt_registry_version starts at revision 0", async () => {
  const [row] = await registry.owner`select version from jwt_registry_version`;
  assert.match(row?.version, /^0\.[0-9a-f]+$/);
});

const VERSION_CHANGES: Record<string, string> = {
  "an issuer": "insert into jwt_issuers (issuer) values ('a')",
  "a policy": "update jwt_issuers set is_active = false",
  "a key": "update jwt_public_keys set is_active = false",
  "a deletion": "delete from jwt_issuers",
  "ALTER ROLE … BYPASSRLS": "alter role widgets_writer bypassrls",
  "ALTER ROLE … CREATEDB": "alter role widgets_writer createdb",
  "ALTER ROLE … RENAME": "alter role widgets_writer rename to w",
  "a new role": "create role w",
  "a membership": "create role w; grant w to widgets_writer",
  "an option of a membership": "grant widgets_writer to authenticator with set false",
  "a lost membership": "revoke widgets_writer from authenticator granted by postgres",
  "a new owner of a table with RLS":
    "create table t (); alter table t enable row level security; alter table t owner to widgets_writer",
};
for (const [what, change] of Object.entries(VERSION_CHANGES)) {
  Deno.test(`jwt_registry_version changes with ${what}`, async () => {
    await registry.asRequest({ role: "supabase_admin" }, async (sql) => {
      await register(sql, "billing");
      const version = async () => (await sql`select version from jwt_registry_version`)[0]?.version;
      const before = await version();
      assert.equal(await version(), before);
      await sql.unsafe(spelledFor(await serverVersion(sql), change));
      assert.notEqual(await version(), before);
    });
  });
}

Deno.test("jwt_registry_version stays with what decides nothing: a password, an expiry, a setting", async () => {
  await registry.asRequest({ role: "supabase_admin" }, async (sql) => {
    const version = async () => (await sql`select version from jwt_registry_version`)[0]?.version;
    const before = await version();
    await sql`alter role widgets_writer password 'x' valid until '2100-01-01'`;
    await sql`alter role widgets_writer set statement_timeout = '1s'`;
    assert.equal(await version(), before);
  });
});
