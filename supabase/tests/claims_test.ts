import assert from "node:assert/strict";
import { countersigned, RegistryDatabase, undone } from "./fixtures/registry_database.ts";
import { sealed } from "./fixtures/seal.ts";

let registry: RegistryDatabase;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start();
});
Deno.test.afterAll(() => registry.stop());

const KID = "GtgYyqCVRCDtrBTrJNRUZI2qf5w1gRDJpGzE1OpEBf8";
const CLAIMS = { ...countersigned("billing", KID, { depot: 42 }) };

const ANSWERS = `select
  countersign.claims() as claims, countersign.issuer() as issuer, countersign.subject() as subject,
  countersign.is_issuer('billing') as is_issuer, countersign.has_role('widgets_writer') as has_role`;
const NOTHING = { claims: null, issuer: null, subject: null, is_issuer: false, has_role: false };

Deno.test("claims(), issuer(), subject(), is_issuer() and has_role() read a countersigned token", async () => {
  for (const role of ["widgets_writer", "authenticated", "anon"]) {
    await registry.asRequest({ role, claims: CLAIMS }, async (sql) => {
      assert.deepEqual([...await sql.unsafe(ANSWERS)], [{
        claims: sealed(CLAIMS),
        issuer: "billing",
        subject: "worker-1",
        is_issuer: true,
        has_role: true,
      }]);
      assert.deepEqual(
        [
          ...await sql`select countersign.is_issuer('Billing') as other_case,
            countersign.is_issuer(null) as nobody, countersign.has_role('authenticated') as inherited,
            countersign.has_role(null) as nothing`,
        ],
        [{ other_case: false, nobody: false, inherited: false, nothing: false }],
      );
    });
  }
});

const NOT_COUNTERSIGNED: Record<string, unknown> = {
  "has no mark": undefined,
  "has the mark null": null,
  "has the mark true": true,
  "has a string for a mark": KID,
  "has an empty mark": {},
  "has an array around the mark": [{ kid: KID }],
  "has a kid that is null": { kid: null },
  "has a kid that is a number": { kid: 1 },
  "has an array around the kid": { kid: [KID] },
  "has an empty kid": { kid: "" },
  "has a kid that is too short": { kid: KID.slice(1) },
  "has a kid that is too long": { kid: `${KID}A` },
  "has a kid with a line feed": { kid: `${KID}\n` },
};
for (const [why, countersign] of Object.entries(NOT_COUNTERSIGNED)) {
  Deno.test(`helpers answer null and false for a token that ${why}`, async () => {
    const claims = { ...CLAIMS, countersign };
    await registry.asRequest({ role: "widgets_writer", claims }, async (sql) => {
      assert.deepEqual([...await sql.unsafe(ANSWERS)], [NOTHING]);
    });
  });
}

for (const iss of [undefined, null, ["billing"], { billing: 1 }, 7]) {
  Deno.test(`helpers answer null and false for an issuer that is ${JSON.stringify(iss)}`, async () => {
    await registry.asRequest(
      { role: "widgets_writer", claims: { ...CLAIMS, iss } },
      async (sql) => {
        assert.deepEqual([...await sql.unsafe(ANSWERS)], [NOTHING]);
      },
    );
  });
}

Deno.test("helpers answer null and false without any claims", async () => {
  await registry.undone(async (sql) => {
    assert.deepEqual([...await sql.unsafe(ANSWERS)], [NOTHING]);
    await sql`select set_config('request.jwt.claims', '', true)`;
    assert.deepEqual([...await sql.unsafe(ANSWERS)], [NOTHING]);
  });
});

Deno.test("helpers ignore the setting for one claim that old versions of PostgREST made", async () => {
  await registry.undone(async (sql) => {
    await sql`select set_config('request.jwt.claim.iss', 'billing', true)`;
    assert.deepEqual([...await sql.unsafe(ANSWERS)], [NOTHING]);
  });
});

Deno.test("helpers are inlined into a policy, so a row costs no function call", async () => {
  await registry.undone(async (sql) => {
    await sql`create table public.widgets (owner_issuer text)`;
    const [row] = await sql`explain (verbose, format json)
      select from public.widgets where countersign.is_issuer(owner_issuer) and countersign.has_role('x')`;
    const plan = JSON.stringify(row);
    assert.match(plan, /current_setting/);
    assert.doesNotMatch(plan, /countersign\.(is_issuer|has_role|issuer|claims)\(/);
  });
});

Deno.test("helpers hold in a policy: an issuer writes and sees its own rows only", async () => {
  await undone(registry.superuser, async (sql) => {
    await sql.unsafe(`
      create table public.widgets (name text, owner_issuer text default countersign.issuer());
      alter table public.widgets enable row level security;
      grant select, insert on public.widgets to authenticated;
      create policy own on public.widgets to authenticated
        using (countersign.is_issuer(owner_issuer))
        with check (countersign.has_role('widgets_writer') and countersign.is_issuer(owner_issuer));
      insert into public.widgets values ('theirs', 'shipping')`);
    await sql`select set_config('request.jwt.claims', ${JSON.stringify(CLAIMS)}, true)`;
    await sql`set local role widgets_writer`;
    await sql`insert into public.widgets values ('ours')`;
    assert.deepEqual([...await sql`select name from public.widgets`], [{ name: "ours" }]);
    await assert.rejects(
      sql.savepoint((sql) => sql`insert into public.widgets values ('forged', 'shipping')`),
      /row-level security/,
    );
    await sql`select set_config('request.jwt.claims', ${
      JSON.stringify({ ...CLAIMS, countersign: undefined })
    }, true)`;
    assert.deepEqual([...await sql`select name from public.widgets`], []);
  });
});

Deno.test("auth.issuer(), auth.is_issuer() and auth.has_role() are left out where auth is the platform's", async () => {
  assert.deepEqual(
    [
      ...await registry.owner`select proname from pg_proc
        where pronamespace = 'auth'::regnamespace and proname in ('issuer', 'is_issuer', 'has_role')`,
    ],
    [],
  );
});

const IMPOSTORS = `
  create schema impostor;
  grant usage on schema impostor to public;
  create function impostor.current_setting(text, boolean) returns text language sql as
    $$ select '{"iss":"billing","sub":"worker-1","role":"widgets_writer","countersign":{"kid":"${KID}"}}' $$;
  create function impostor.jsonb_path_query_first(jsonb, jsonpath) returns jsonb language sql as
    $$ select '{"iss":"billing","sub":"worker-1","role":"widgets_writer"}'::jsonb $$;
  create function impostor.texteq(text, text) returns boolean language sql as 'select true';
  create operator impostor.= (leftarg = text, rightarg = text, function = impostor.texteq);
  create table impostor.jwt_issuers as select 'billing' as issuer;
  create table impostor.jwt_public_keys as select '${KID}' as kid;`;

Deno.test("helpers and the guard mean the same whatever the search_path and the temporary objects", async () => {
  await undone(registry.superuser, async (sql) => {
    await sql.unsafe(IMPOSTORS);
    await sql.unsafe("grant select on all tables in schema impostor to public");
    await sql.unsafe("grant temporary on database postgres to widgets_writer");
    await sql`set local role widgets_writer`;
    await sql.unsafe(`
      create temp table jwt_issuers as select 'billing' as issuer, true as is_active;
      create temp table jwt_public_keys as select '${KID}' as kid, 'billing' as issuer, true as is_active;
      create temp table guard_state as select 'public' as chained_schema, 'x' as chained_name;
      create type pg_temp.text as (a int);
      create type pg_temp.jsonb as (a int);
      set local search_path = pg_temp, impostor, pg_catalog`);
    await sql`select pg_catalog.set_config('request.jwt.claims', '{"role":"widgets_writer"}', true)`;
    assert.deepEqual([...await sql.unsafe(ANSWERS)], [NOTHING]);
    await sql`select countersign.check_request()`;
    await sql`select pg_catalog.set_config('request.jwt.claims', ${JSON.stringify(CLAIMS)}, true)`;
    await assert.rejects(
      sql.savepoint((sql) => sql`select countersign.check_request()`),
      /token_refused/,
    );
  });
});
