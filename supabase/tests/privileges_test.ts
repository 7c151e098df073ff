import assert from "node:assert/strict";
import {
  connect,
  countersigned,
  refusal,
  register,
  RegistryDatabase,
  undone,
} from "./fixtures/registry_database.ts";
import { serverVersion } from "./fixtures/server_version.ts";

// A project made before new tables stopped being granted to everyone: the harder case.
const OLD_DEFAULTS = `
  alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
  alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
  alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
  alter default privileges grant all on tables to anon, authenticated, service_role;
  alter default privileges grant execute on functions to anon, authenticated, service_role`;

let registry: RegistryDatabase;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start([OLD_DEFAULTS]);
});
Deno.test.afterAll(() => registry.stop());

const ROLES = [
  "anon",
  "authenticated",
  "widgets_writer",
  "authenticator",
  "service_role",
  "countersign_reader",
];

/** The complete list: whatever is not here is not granted. */
const GRANTS: Record<string, Record<string, string>> = {
  service_role: {
    "public.jwt_issuers": "SELECT INSERT UPDATE DELETE",
    "public.jwt_public_keys": "SELECT INSERT UPDATE DELETE",
    "public.jwt_oidc_providers": "SELECT INSERT UPDATE DELETE",
    "public.jwt_federation_rules": "SELECT INSERT UPDATE DELETE",
    "public.jwt_revoked_provider_keys": "SELECT INSERT UPDATE DELETE",
    "public.jwt_registry_audit": "SELECT",
    "public.jwt_federation_policies": "SELECT",
    "public.jwt_issuer_policies": "SELECT",
    "public.jwt_registry_version": "SELECT",
    "public.jwt_registry_holders": "SELECT",
    "public.jwt_seal_keys": "SELECT",
    "countersign.role_verdicts": "SELECT",
    "countersign.shared_providers": "SELECT",
  },
  countersign_reader: {
    "public.jwt_federation_policies": "SELECT",
    "public.jwt_issuer_policies": "SELECT",
    "public.jwt_registry_version": "SELECT",
    "public.jwt_seal_keys": "SELECT",
  },
};

Deno.test("tables, views and sequences are granted to nobody beyond the list", async () => {
  const privileges = "SELECT INSERT UPDATE DELETE TRUNCATE REFERENCES TRIGGER".split(" ");
  if (await serverVersion(registry.superuser) >= 17) privileges.push("MAINTAIN");
  const rows = await registry.superuser<{ role: string; relation: string; granted: string }[]>`
    select role, c.oid::regclass::text as relation, n.nspname as schema, string_agg(p.privilege, ' ' order by p.place) as granted
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    cross join unnest(${ROLES}::text[]) as role
    cross join unnest(${privileges}::text[]) with ordinality as p(privilege, place)
    where (n.nspname = 'countersign' or n.nspname = 'public' and c.relname like 'jwt\\_%')
      and c.relkind in ('r', 'v', 'm', 'f', 'p')
      and has_table_privilege(role, c.oid, p.privilege)
    group by role, c.oid, n.nspname`;
  const granted: typeof GRANTS = {};
  for (const { role, relation, granted: privileges } of rows) {
    const name = relation.includes(".") ? relation : `public.${relation}`;
    (granted[role] ??= {})[name] = privileges;
  }
  assert.deepEqual(granted, GRANTS);
  const columns = await registry.superuser`
    select role, a.attrelid::regclass, a.attname from pg_attribute a cross join unnest(${ROLES}::text[]) as role
    where a.attacl is not null and a.attrelid::regclass::text ~ 'jwt_|countersign'`;
  assert.deepEqual([...columns], []);
  const sequences = await registry.superuser`
    select role, c.relname from pg_class c cross join unnest(${ROLES}::text[]) as role
    where c.relkind = 'S' and has_sequence_privilege(role, c.oid, 'USAGE, SELECT, UPDATE')`;
  assert.deepEqual([...sequences], []);
});

const EVERYONE = [
  "check_request",
  "check_token",
  "claims",
  "has_role",
  "is_issuer",
  "is_live",
  "issuer",
  "subject",
];
const READER = [...EVERYONE, "lifetime_seconds", "require_reader", "version"].sort();
const SERVICE_ROLE = [
  ...READER,
  "are_conditions",
  "canonical_pem",
  "is_claim_path",
  "is_claims_map",
  "is_condition_value",
  "is_https_url",
  "is_name",
  "is_name_list",
  "is_public_jwks",
  "is_subject_template",
  "key_fits",
  "key_id",
  "missing_owner_claims",
  "registry_holders",
  "role_refusal",
  "spki",
].sort();

for (const role of ROLES) {
  Deno.test(`${role} can execute nothing in countersign beyond the list`, async () => {
    const rows = await registry.superuser<{ name: string }[]>`
      select p.proname as name from pg_proc p
      where p.pronamespace = 'countersign'::regnamespace and has_function_privilege(${role}, p.oid, 'EXECUTE')
      order by p.proname collate "C"`;
    assert.deepEqual(
      rows.map(({ name }) => name),
      role === "service_role" ? SERVICE_ROLE : role === "countersign_reader" ? READER : EVERYONE,
    );
  });
}

Deno.test("nobody but the owner can create anything in countersign", async () => {
  for (const role of ROLES) {
    const [row] = await registry.superuser`
      select has_schema_privilege(${role}, 'countersign', 'CREATE') as may_create`;
    assert.equal(row?.may_create, false, role);
  }
});

Deno.test("SECURITY DEFINER is on what needs it, and every such function fixes its search_path", async () => {
  const rows = await registry.superuser`
    select proname, proconfig from pg_proc
    where pronamespace = 'countersign'::regnamespace and prosecdef order by proname`;
  assert.deepEqual(
    [...rows],
    [
      "begin_change",
      "check_token",
      "claim_issuer_name",
      "end_change",
      "is_live",
      "publish_change",
      "publish_provider_change",
      "record_change",
      "refresh_live",
      "registry_holders",
    ].map((proname) => ({
      proname,
      proconfig: ["search_path=pg_catalog, pg_temp"],
    })),
  );
});

Deno.test("every function fixes its search_path but the helpers, which are inlined, and check_request()", async () => {
  const rows = await registry.superuser`
    select proname, prosqlbody is not null as parsed from pg_proc
    where (pronamespace = 'countersign'::regnamespace or proname like 'jwt\\_%') and not exists (
      select from unnest(proconfig) as setting where setting like 'search_path=%'
    )
    order by proname`;
  assert.deepEqual([...rows], [
    // It calls one function by its full name and must hand the request's search_path on.
    { proname: "check_request", parsed: false },
    ...["claims", "has_role", "is_issuer", "issuer", "subject"].map((proname) => ({
      proname,
      parsed: true,
    })),
  ]);
});

Deno.test("row level security is on everywhere, and forced in public", async () => {
  const rows = await registry.superuser`
    select c.oid::regclass::text as name, relforcerowsecurity as forced from pg_class c
    where relkind = 'r' and relrowsecurity
      and (relnamespace = 'countersign'::regnamespace or relname like 'jwt\\_%') order by 1`;
  assert.deepEqual([...rows], [
    { name: "countersign.guard_state", forced: false },
    { name: "countersign.issuer_names", forced: false },
    { name: "countersign.live", forced: false },
    { name: "countersign.revisions", forced: false },
    { name: "countersign.seal_keys", forced: false },
    { name: "countersign.used_tokens", forced: false },
    { name: "jwt_federation_rules", forced: true },
    { name: "jwt_issuers", forced: true },
    { name: "jwt_oidc_providers", forced: true },
    { name: "jwt_public_keys", forced: true },
    { name: "jwt_registry_audit", forced: true },
    { name: "jwt_revoked_provider_keys", forced: true },
  ]);
});

const ATTEMPTS = [
  "select * from public.jwt_issuers",
  "select * from public.jwt_public_keys",
  "select * from public.jwt_oidc_providers",
  "select * from public.jwt_federation_rules",
  "select * from public.jwt_revoked_provider_keys",
  "select * from public.jwt_registry_audit",
  "select * from public.jwt_issuer_policies",
  "select * from public.jwt_federation_policies",
  "select * from public.jwt_registry_version",
  "insert into public.jwt_issuers (issuer) values ('mine')",
  "insert into public.jwt_public_keys (issuer, public_key) values ('billing', 'x')",
  "update public.jwt_issuers set allowed_roles = '{authenticated}'",
  "update public.jwt_public_keys set is_active = true",
  "delete from public.jwt_issuers",
  "truncate public.jwt_issuers cascade",
  "select * from countersign.used_tokens",
  "delete from countersign.used_tokens",
  "insert into countersign.used_tokens values ('billing', 'x', now())",
  "select * from public.jwt_seal_keys",
  "select * from public.jwt_registry_holders",
  "select * from countersign.seal_keys",
  "insert into countersign.seal_keys select 'f00f00f00f00', 'x', 'x', 'x'",
  "select countersign.rotate_seal('0')",
  "select countersign.add_seal_key()",
  "select countersign.is_sealed('{}')",
  "update countersign.live set key_is_active = true",
  "update countersign.revisions set changes = 0",
  "lock table countersign_locks.request_0 in access share mode",
  "select * from countersign_locks.request_0",
  "select countersign.await_requests('{0}')",
  "select countersign.refresh_live('{billing}')",
  "select countersign.describe_sessions(array[pg_backend_pid()])",
  "update countersign.guard_state set chained_schema = 'pg_catalog', chained_name = 'pg_sleep'",
  "select setval('countersign.lock_turn', 1)",
  "select * from countersign.role_verdicts",
  "select countersign.create_writer_role('mine')",
  "select countersign.guard_enable()",
  "select countersign.guard_disable()",
  "select countersign.guard_status()",
  "select countersign.set_pre_request(null, false)",
  "select countersign.refuse_request('token_refused', 'x')",
  "select countersign.use_token_once('billing', 'x', now())",
  "select countersign.key_id('x')",
  "create function countersign.issuer() returns text language sql as 'select 1'",
  "create trigger t after insert on public.jwt_issuers execute function countersign.end_change()",
  "alter table public.jwt_registry_audit disable trigger append_only",
  "drop policy registry_administration on public.jwt_issuers",
  "grant select on public.jwt_issuers to anon",
];
for (const role of ["anon", "authenticated", "widgets_writer"]) {
  Deno.test(`${role} is refused whatever it tries on the registry`, async () => {
    for (const attempt of ATTEMPTS) {
      await assert.rejects(
        registry.asRequest({ role }, (sql) => sql.unsafe(attempt)),
        refusal("42501"),
        attempt,
      );
    }
  });
}

// What service_role needs is in registry_test; this is what it must not have.
const FORBIDDEN_TO_SERVICE_ROLE = ATTEMPTS.filter((attempt) =>
  !/^(select|insert|update|delete).* public\.jwt_|role_verdicts|key_id|^grant/.test(attempt)
);
Deno.test("service_role administers issuers and keys, and nothing else", async () => {
  for (
    const attempt of [
      ...FORBIDDEN_TO_SERVICE_ROLE,
      "insert into public.jwt_registry_audit (revision) values (1)",
      "update public.jwt_issuer_policies set is_active = false",
      "update public.jwt_registry_version set version = '1'",
      "alter table public.jwt_issuers disable trigger all",
      "create index on public.jwt_issuers (mode)",
    ]
  ) {
    await assert.rejects(
      registry.asRequest({ role: "service_role" }, (sql) => sql.unsafe(attempt)),
      /permission denied|must be owner|cannot update view/,
      attempt,
    );
  }
  await registry.asRequest({ role: "service_role" }, async (sql) => {
    const kid = await register(sql, "billing");
    await sql`update jwt_public_keys set is_active = false where kid = ${kid}`;
    assert.equal((await sql`select * from jwt_registry_audit`).length, 3);
    assert.equal((await sql`select * from jwt_issuer_policies`).length, 1);
    await sql`delete from jwt_issuers`;
  });
});

Deno.test("service_role administers the registry without BYPASSRLS as well", async () => {
  // A connection of its own: plans made while the role had BYPASSRLS would live on.
  const fresh = connect(registry.target.superuserUrl);
  try {
    await undone(fresh, async (sql) => {
      await sql`alter role service_role nobypassrls`;
      await sql`set local role service_role`;
      await register(sql, "billing");
      assert.equal((await sql`select * from jwt_registry_audit`).length, 2);
    });
  } finally {
    await fresh.end();
  }
});

Deno.test("countersign_reader reads the policies and listens, and no more", async () => {
  await registry.asRequest({ role: "countersign_reader" }, async (sql) => {
    assert.deepEqual([...await sql`select * from jwt_issuer_policies`], []);
    assert.equal((await sql`select * from jwt_registry_version`).length, 1);
    await sql`listen countersign_registry`;
  });
  for (
    const attempt of ATTEMPTS.filter((attempt) => !/_policies|_version|jwt_seal_keys/.test(attempt))
  ) {
    await assert.rejects(
      registry.asRequest({ role: "countersign_reader" }, (sql) => sql.unsafe(attempt)),
      refusal("42501"),
      attempt,
    );
  }
  const [row] = await registry.owner`
    select rolcanlogin, rolbypassrls, rolsuper from pg_roles where rolname = 'countersign_reader'`;
  assert.deepEqual(row, { rolcanlogin: false, rolbypassrls: false, rolsuper: false });
});

Deno.test("PostgREST shows the registry to nobody but service_role, and no function of countersign", async () => {
  const token = (role: string) => countersigned("billing", "x".repeat(43), { role });
  for (const role of ["anon", "authenticated", "widgets_writer"]) {
    for (
      const path of [
        "/jwt_issuers",
        "/jwt_public_keys",
        "/jwt_registry_audit",
        "/jwt_issuer_policies",
        "/jwt_seal_keys",
        "/jwt_registry_holders",
      ]
    ) {
      const response = await registry.fetch(path, token(role));
      assert.equal(response.status, role === "anon" ? 401 : 403);
      assert.equal((await response.json()).code, "42501");
    }
    const rpc = await registry.fetch("/rpc/guard_disable", token(role), { method: "POST" });
    assert.equal(rpc.status, 404);
    await rpc.body?.cancel();
    const profile = { "content-profile": "countersign" };
    const other = await registry.fetch("/rpc/guard_disable", token(role), {
      method: "POST",
      headers: profile,
    });
    assert.equal(other.status, 406);
    await other.body?.cancel();
  }
  const response = await registry.fetch("/jwt_issuers", { role: "service_role" });
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), []);
});
