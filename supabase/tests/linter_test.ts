import assert from "node:assert/strict";
import { MIGRATIONS, RegistryDatabase } from "./fixtures/registry_database.ts";

let registry: RegistryDatabase;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start();
});
Deno.test.afterAll(() => registry.stop());

/** What of ours a condition holds for. */
async function found(condition: string): Promise<string[]> {
  const rows = await registry.superuser.unsafe<{ name: string }[]>(`
    with tables as (
      select c.* from pg_class c
      where c.relnamespace in ('countersign'::regnamespace, 'countersign_locks'::regnamespace)
        or c.relnamespace = 'public'::regnamespace and c.relname like 'jwt\\_%'
    ), functions as (
      select p.* from pg_proc p
      where p.pronamespace = 'countersign'::regnamespace or p.proname like 'jwt\\_%'
    )
    ${condition} order by 1`);
  return rows.map(({ name }) => name);
}

/** What Supabase's database linter warns about, as far as it can meet something of ours. */
const RULES: Record<string, string> = {
  "tables in an exposed schema without row level security":
    "select relname as name from tables where relkind = 'r' and not relrowsecurity",
  "row level security without a policy": `select relname as name from tables where relkind = 'r'
     and relrowsecurity and not exists (select from pg_policy where polrelid = tables.oid)`,
  "policies without row level security": `select relname as name from tables
     where exists (select from pg_policy where polrelid = tables.oid) and not relrowsecurity`,
  "several permissive policies for one role and command": `
     select relname as name from tables join pg_policy on polrelid = tables.oid
     cross join unnest(polroles) as role
     cross join unnest(case polcmd when '*' then array['r', 'a', 'w', 'd'] else array[polcmd::text] end) as command
     where polpermissive group by relname, role, command having count(*) > 1`,
  "views with their owner's rights that anon or authenticated may read": `
     select relname as name from tables where relkind = 'v'
     and (has_table_privilege('anon', oid, 'SELECT') or has_table_privilege('authenticated', oid, 'SELECT'))`,
  "SECURITY DEFINER functions in an exposed schema that anon or authenticated may call": `
     select proname as name from functions where prosecdef and pronamespace = 'public'::regnamespace
     and (has_function_privilege('anon', oid, 'EXECUTE') or has_function_privilege('authenticated', oid, 'EXECUTE'))`,
  "tables without a primary key": `select relname as name from tables where relkind = 'r'
     and not exists (select from pg_index where indrelid = tables.oid and indisprimary)`,
  "foreign keys without an index":
    `select conname as name from pg_constraint c join tables on tables.oid = conrelid
     where contype = 'f' and not exists (
       select from pg_index where indrelid = conrelid and indkey[0] = conkey[1]
     )`,
  "indexes that are the same":
    `select relname as name from tables join pg_index on indrelid = tables.oid
     group by relname, indkey::text having count(*) > 1`,
};
for (const [what, condition] of Object.entries(RULES)) {
  Deno.test(`the linter finds no ${what}`, async () => {
    assert.deepEqual(await found(condition), []);
  });
}

Deno.test("the linter finds a search_path that the caller sets in six functions only, of which the reference says why", async () => {
  const names = await found(`
    select proname as name from functions
    where not exists (select from unnest(proconfig) as setting where setting like 'search\\_path=%')`);
  const helpers = ["claims", "has_role", "is_issuer", "issuer", "subject"];
  assert.deepEqual(names, ["check_request", ...helpers]);
});

Deno.test("the linter's rules see what they are about", async () => {
  await registry.superuser.unsafe(
    "create table public.jwt_unsafe (a int); grant all on public.jwt_unsafe to anon",
  );
  try {
    const [first = "", second = ""] = Object.values(RULES);
    assert.deepEqual(await found(first), ["jwt_unsafe"]);
    await registry.superuser.unsafe("alter table public.jwt_unsafe enable row level security");
    assert.deepEqual(await found(second), ["jwt_unsafe"]);
  } finally {
    await registry.superuser.unsafe("drop table public.jwt_unsafe");
  }
});

/** Statements of a migration that change rows, each up to where it or the text around it ends. */
function rowChanges(sql: string): string[] {
  const text = sql.replaceAll(/--.*$/gm, "").replaceAll(/for (no key )?update\b/g, "");
  return Array.from(
    text.matchAll(/\b(?:delete from|update) +(?!or |on |of |to |set\b)[a-z_.]+[^;]*/g),
    ([statement]) => statement,
  );
}

Deno.test("every UPDATE and DELETE of the migrations has a WHERE, which PostgREST's sessions insist on", () => {
  let seen = 0;
  for (const { name, sql } of MIGRATIONS) {
    for (const statement of rowChanges(sql)) {
      if (!/\bset\b|delete/.test(statement)) continue;
      seen++;
      assert.match(statement, /\bwhere\b/, `${name}: ${statement.slice(0, 80)}`);
    }
  }
  assert(seen >= 8, String(seen));
  assert.equal(rowChanges("begin\n  delete from countersign.live;\nend").length, 1);
});
