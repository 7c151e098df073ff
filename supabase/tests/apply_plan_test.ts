import assert from "node:assert/strict";
import type postgres from "postgres";
import { ed25519Pem, refusal, RegistryDatabase } from "./fixtures/registry_database.ts";

let database: RegistryDatabase;
Deno.test.beforeAll(async () => {
  database = await RegistryDatabase.start();
});
Deno.test.afterAll(() => database.stop());

type Change = Readonly<Record<string, unknown>>;

async function apply(
  sql: postgres.ISql,
  changes: readonly Change[] | Change,
  version: string | null = null,
): Promise<string> {
  const [row] = await sql<{ version: string }[]>`
    select public.jwt_apply_plan(${JSON.stringify(changes)}::text::jsonb, ${version}) as version`;
  return row?.version ?? "";
}

const BILLING: Change = { table: "jwt_issuers", insert: { issuer: "billing", is_active: true } };

for (const role of ["anon", "authenticated", "widgets_writer"]) {
  Deno.test(`jwt_apply_plan() is refused for ${role}, also where somebody has granted it`, async () => {
    await assert.rejects(
      database.asRequest({ role }, (sql) => apply(sql, [BILLING])),
      refusal("42501", /permission denied for function/),
    );
    await database.owner.unsafe("grant execute on all functions in schema public to public");
    try {
      await assert.rejects(
        database.asRequest({ role }, (sql) => apply(sql, [BILLING])),
        refusal("42501", /permission denied for (table|function)/),
      );
    } finally {
      await database.owner.unsafe(
        "revoke execute on function public.jwt_apply_plan(jsonb, text) from public",
      );
    }
  });
}

Deno.test("jwt_apply_plan() writes for service_role, and says the revision afterwards", async () => {
  await database.asRequest({ role: "service_role" }, async (sql) => {
    const public_key = await ed25519Pem("one");
    const version = await apply(sql, [
      BILLING,
      {
        table: "jwt_public_keys",
        insert: { issuer: "billing", public_key, algorithm: "EdDSA", is_active: true },
      },
      {
        table: "jwt_issuers",
        key: "billing",
        update: { allowed_roles: ["widgets_writer"], description: null },
      },
    ]);
    const [row] = await sql`
      select i.allowed_roles, i.is_active, i.allow_user_subjects, k.algorithm, split_part(v.version, '.', 1) as version
      from public.jwt_issuers i join public.jwt_public_keys k using (issuer), public.jwt_registry_version v`;
    assert.deepEqual({ ...row }, {
      allowed_roles: ["widgets_writer"],
      is_active: true,
      allow_user_subjects: false,
      algorithm: "EdDSA",
      version,
    });
  });
});

for (
  const [what, changes, code] of [
    ["no list", BILLING, "22023"],
    ["another table", [{ table: "jwt_registry_audit", insert: { id: 1 } }], "22023"],
    [
      "a table in another schema",
      [{ table: "countersign.guard_state", insert: { id: 1 } }],
      "22023",
    ],
    ["a table that is none", [{ table: 'jwt_issuers"; drop table x; --', insert: {} }], "22023"],
    ["no table", [{ insert: { issuer: "a" } }], "22023"],
    ["no columns", [{ table: "jwt_issuers", key: "a" }], "22023"],
    ["columns that are a list", [{ table: "jwt_issuers", insert: ["a"] }], "22023"],
    ["a column that is none", [{ table: "jwt_issuers", insert: { 'issuer", "x': "a" } }], "42703"],
    ["a row that is not there", [{
      table: "jwt_issuers",
      key: "none",
      update: { mode: "enforce" },
    }], "PT409"],
    ["a role that is not safe", [{
      table: "jwt_issuers",
      insert: { issuer: "a", allowed_roles: ["postgres"], is_active: true },
    }], "23514"],
    ["more than it takes", Array.from({ length: 20_001 }, () => ({})), "22023"],
  ] as const
) {
  Deno.test(`jwt_apply_plan() refuses ${what}`, async () => {
    await database.asRequest({ role: "service_role" }, async (sql) => {
      await assert.rejects(
        sql.savepoint((inner) => apply(inner, changes)),
        refusal(code),
      );
    });
  });
}

Deno.test("jwt_apply_plan() refuses another revision than the registry's, and takes its own", async () => {
  await database.asRequest({ role: "service_role" }, async (sql) => {
    const version = await apply(sql, []);
    for (const other of ["", `${version}0`, "-1", `${version}.x`]) {
      await assert.rejects(
        sql.savepoint((inner) => apply(inner, [BILLING], other)),
        refusal("PT409", /has changed since the plan/),
      );
    }
    assert.notEqual(await apply(sql, [BILLING], version), version);
  });
});

Deno.test("jwt_apply_plan() answers 409 over PostgREST when the registry has moved", async () => {
  const response = await database.fetch("/rpc/jwt_apply_plan", { role: "service_role" }, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ changes: [BILLING], expected_revision: "-1" }),
  });
  assert.equal(response.status, 409);
  assert.equal((await response.json()).code, "PT409");
  const anonymous = await database.fetch("/rpc/jwt_apply_plan", { role: "anon" }, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ changes: [BILLING], expected_revision: null }),
  });
  assert.equal(anonymous.status, 401);
  await anonymous.body?.cancel();
});

Deno.test("jwt_apply_plan() does not wait for long where a change is under way", async () => {
  const { promise: held, resolve: hold } = Promise.withResolvers<void>();
  const { promise: release, resolve: letGo } = Promise.withResolvers<void>();
  const other = database.superuser.begin(async (sql) => {
    await sql`insert into public.jwt_issuers (issuer) values ('under-way')`;
    hold();
    await release;
    throw new Error("undone");
  }).catch(() => {});
  await held;
  try {
    await assert.rejects(
      database.undone((sql) => apply(sql, [BILLING])),
      refusal("55P03", /lock timeout/),
    );
  } finally {
    letGo();
    await other;
  }
});

Deno.test("jwt_apply_plan() gives the session its lock_timeout back", async () => {
  await database.undone(async (sql) => {
    await sql`set local lock_timeout = '1234ms'`;
    await apply(sql, [BILLING]);
    const [row] = await sql`show lock_timeout`;
    assert.equal(row?.lock_timeout, "1234ms");
  });
});
