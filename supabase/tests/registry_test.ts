import assert from "node:assert/strict";
import {
  becomeRequest,
  ed25519Pem,
  refusal,
  register,
  RegistryDatabase,
  undone,
} from "./fixtures/registry_database.ts";

let registry: RegistryDatabase;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start();
});
Deno.test.afterAll(() => registry.stop());

// Issuer names: [why, refused, its twin that is accepted].
const NAMES: readonly (readonly [string, string, string])[] = [
  ["is empty", "", "a"],
  ["is too long", "a".repeat(256), "a".repeat(255)],
  ["begins with a space", " billing", "billing"],
  ["ends in a space", "billing ", "billing x"],
  ["ends in a no-break space", "billing\u00a0", "billing\u00a0x"],
  ["holds a line feed", "bil\nling", "bil ling"],
  ["holds a delete character", "bil\u007fling", "bil~ling"],
  ["holds a C1 control character", "bil\u0085ling", "bil\u00e9ling"],
  ["holds a zero-width space", "bil\u200bling", "bil-ling"],
  ["holds a right-to-left override", "bil\u202eling", "bil\u2010ling"],
  ["holds a byte-order mark", "\ufeffbilling", "billing"],
  ["holds a Hangul filler", "bil\u3164ling", "bil\u3131ling"],
  ["holds a halfwidth Hangul filler", "bil\uffa0ling", "bil\uff71ling"],
  ["holds a Hangul choseong filler", "bil\u115fling", "bil\u1100ling"],
  ["holds a Mongolian vowel separator", "bil\u180eling", "bil\u1820ling"],
  ["holds a combining grapheme joiner", "bil\u034fling", "bil-ling"],
  ["holds an Arabic letter mark", "bil\u061cling", "bil\u0627ling"],
  ["holds a Khmer inherent vowel", "bil\u17b4ling", "bil\u1780ling"],
  ["holds an empty Braille pattern", "bil\u2800ling", "bil\u2801ling"],
  ["holds a variation selector", "bil\ufe0fling", "bil_ling"],
  ["holds a shorthand format control", "bil\u{1bca0}ling", "bil\u{1bc00}ling"],
  ["holds a tag character", "bil\u{e0061}ling", "bil\u{1f600}ling"],
  ["holds a variation selector of plane 14", "bil\u{e0100}ling", "bil\u{10000}ling"],
  ["is not in form NFC", "cafe\u0301", "caf\u00e9"],
  [
    "is the target's own",
    "https://ref.supabase.co/auth/v1",
    "https://ref.supabase.co/auth/v1/billing",
  ],
  [
    "is the target's own with a slash",
    "https://ref.supabase.co/auth/v1/",
    "https://ref.supabase.co/",
  ],
  [
    "is the target's own in capitals",
    "HTTPS://REF.SUPABASE.CO/AUTH/V1",
    "HTTPS://REF.SUPABASE.CO/V1",
  ],
  ["is the name in the legacy API keys", "supabase", "supabase-billing"],
  ["is the name in the CLI's API keys", "Supabase-Demo", "supabase-demos"],
];
for (const [why, hostile, twin] of NAMES) {
  Deno.test(`jwt_issuers refuses an issuer whose name ${why}`, async () => {
    const insert = (issuer: string) =>
      registry.undone((sql) => sql`insert into jwt_issuers (issuer) values (${issuer})`);
    await assert.rejects(insert(hostile), refusal("23514", /issuer_is_(a_name|not_the_target)/));
    await insert(twin);
  });
}

// Policy columns as SQL: [column, why, refused, its twin].
const VALUES: readonly (readonly [string, string, string, string])[] = [
  ["allowed_roles", "a null", "array[null]::text[]", "'{}'"],
  ["allowed_roles", "an empty name", "'{\"\"}'", "'{widgets_writer}'"],
  ["allowed_roles", "a second dimension", "'{{widgets_writer}}'", "'{widgets_writer}'"],
  [
    "allowed_roles",
    "more than 256 names",
    "array_fill('anon'::text, '{257}')",
    "array_fill('anon'::text, '{256}')",
  ],
  ["default_role", "a role that is not allowed", "'gadgets_writer'", "null"],
  ["allowed_subjects", "a null", "array['a', null]", "array['a']"],
  ["allowed_subjects", "an empty subject", "array['']", "'{}'"],
  ["allowed_subjects", "a wildcard in the middle", "'{depot-*-1}'", "'{depot-1-*}'"],
  ["allowed_subjects", "a wildcard at the beginning", "'{*-1}'", "'{*}'"],
  ["allowed_subjects", "two wildcards", "'{depot-**}'", "'{depot-*}'"],
  ["allowed_subjects", "a wildcard within one of several", "'{a,b*c}'", "'{a*,b}'"],
  ["allowed_claims", "our own claim", "'{depot,countersign}'", "'{depot,countersigned}'"],
  ["allowed_claims", "a null", "array[null]::text[]", "null"],
  ["audiences", "no audience at all", "'{}'", "null"],
  ["audiences", "an empty audience", "'{\"\"}'", "'{ref}'"],
  ["max_token_lifetime", "nothing", "'0'", "'1 second'"],
  ["max_token_lifetime", "a negative time", "'-5 minutes'", "'5 minutes'"],
  ["max_token_lifetime", "more than a day", "'1 day 1 second'", "'1 day'"],
  ["max_token_lifetime", "five years", "'5 years'", "'1 hour'"],
  ["max_token_lifetime", "years less days", "'1000 years -359999 days'", "'2 days -47 hours'"],
  ["max_token_lifetime", "a month less days", "'1 month -29 days -23 hours'", "'1 day -23 hours'"],
  ["max_token_lifetime", "what no integer holds", "'100000 years -35999999 days'", "'86400 s'"],
  ["max_token_lifetime", "a fraction of a second", "'1.5 seconds'", "'2 seconds'"],
  ["max_token_lifetime", "infinity", "'infinity'", "'1 hour'"],
  ["max_token_lifetime", "null", "null", "'1 hour'"],
  ["max_exchange_lifetime", "under a minute", "'59 seconds'", "'60 seconds'"],
  ["max_exchange_lifetime", "over 15 minutes", "'15 minutes 1 second'", "'15 minutes'"],
  ["max_exchange_lifetime", "years less days", "'1000 years -359999 days'", "'1 day -1435 min'"],
  ["max_exchange_lifetime", "a fraction of a second", "'60.5 seconds'", "null"],
  ["max_exchange_lifetime", "infinity", "'infinity'", "'10 minutes'"],
  ["reject_issued_before", "infinity", "'infinity'", "now()"],
  [
    "reject_issued_before",
    "a time before the epoch",
    "'1969-12-31 23:59:59+00'",
    "'1970-01-01+00'",
  ],
  ["mode", "a mode that is not known", "'off'", "'observe'"],
  ["single_use", "null", "null", "true"],
  ["is_active", "null", "null", "false"],
  ["allow_user_subjects", "null", "null", "true"],
  ["description", "more than 1000 characters", "repeat('x', 1001)", "repeat('x', 1000)"],
];
for (const [column, why, hostile, twin] of VALUES) {
  Deno.test(`jwt_issuers.${column} refuses ${why}`, async () => {
    const write = (value: string) =>
      registry.undone((sql) =>
        sql.unsafe(`insert into jwt_issuers (issuer, ${column}) values ('a', ${value})`)
      );
    await assert.rejects(
      write(hostile),
      /violates (check|not-null) constraint|does not exist|invalid input syntax for type interval/,
    );
    await write(twin);
  });
}

Deno.test("jwt_issuers defaults to an active issuer that may do nothing", async () => {
  await registry.undone(async (sql) => {
    const [row] = await sql`insert into jwt_issuers (issuer) values ('a') returning *`;
    const { created_at, updated_at, ...rest } = row ?? {};
    assert(created_at instanceof Date && updated_at instanceof Date);
    assert.deepEqual(rest, {
      issuer: "a",
      is_active: true,
      allowed_roles: [],
      default_role: null,
      allowed_subjects: null,
      allow_user_subjects: false,
      allowed_claims: null,
      audiences: null,
      max_token_lifetime: "00:05:00",
      max_exchange_lifetime: null,
      reject_issued_before: null,
      single_use: false,
      mode: "enforce",
      description: null,
    });
  });
});

Deno.test("jwt_issuers.issuer can't be changed", async () => {
  await registry.undone(async (sql) => {
    await register(sql, "billing");
    await sql`update jwt_issuers set issuer = 'billing', description = 'the same name'`;
    await assert.rejects(
      sql.savepoint((sql) => sql`update jwt_issuers set issuer = 'invoicing'`),
      refusal("23514", /cannot be renamed/),
    );
  });
});

Deno.test("jwt_issuers takes its keys with it when it is deleted", async () => {
  await registry.undone(async (sql) => {
    await register(sql, "billing");
    await sql`delete from jwt_issuers where issuer = 'billing'`;
    assert.deepEqual([...await sql`select * from jwt_public_keys`], []);
  });
});

Deno.test("jwt_public_keys makes an issuer with no roles appear when a key is inserted by hand", async () => {
  const pem = await ed25519Pem("billing");
  await registry.asRequest({ role: "service_role" }, async (sql) => {
    await sql`insert into jwt_public_keys (issuer, public_key, algorithm) values ('billing', ${pem}, 'EdDSA')`;
    assert.deepEqual(
      [...await sql`select issuer, is_active, allowed_roles from jwt_issuers`],
      [{ issuer: "billing", is_active: true, allowed_roles: [] }],
    );
  });
});

Deno.test("jwt_public_keys leaves the policy of an issuer alone when a key is added", async () => {
  await registry.undone(async (sql) => {
    await register(sql, "billing", { is_active: false });
    await sql`insert into jwt_public_keys (issuer, public_key, algorithm)
      values ('billing', ${await ed25519Pem("second")}, 'EdDSA')`;
    assert.deepEqual(
      [...await sql`select is_active, allowed_roles from jwt_issuers`],
      [{ is_active: false, allowed_roles: ["widgets_writer"] }],
    );
  });
});

Deno.test("jwt_public_keys.kid can't be written", async () => {
  const pem = await ed25519Pem("billing");
  await assert.rejects(
    registry.undone((sql) =>
      sql`insert into jwt_public_keys (issuer, public_key, algorithm, kid) values ('a', ${pem}, 'EdDSA', 'mine')`
    ),
    refusal("428C9"),
  );
  await assert.rejects(
    registry.undone(async (sql) => {
      await register(sql, "billing");
      await sql`update jwt_public_keys set kid = 'mine'`;
    }),
    refusal("428C9"),
  );
});

Deno.test("jwt_public_keys holds a key for one issuer only, in whatever layout", async () => {
  const pem = await ed25519Pem("billing");
  const insert = (issuer: string, key: string) =>
    registry.undone(async (sql) => {
      await register(sql, "billing");
      await sql`insert into jwt_public_keys (issuer, public_key, algorithm) values (${issuer}, ${key}, 'EdDSA')`;
    });
  await assert.rejects(insert("shipping", pem), refusal("23505"));
  await assert.rejects(insert("shipping", pem.replaceAll("\n", "\r\n ")), refusal("23505"));
  await insert("shipping", await ed25519Pem("shipping"));
});

Deno.test("jwt_public_keys refuses to move a key to another issuer, also by upsert", async () => {
  await registry.undone(async (sql) => {
    await register(sql, "billing");
    await register(sql, "shipping");
    await assert.rejects(
      sql.savepoint((sql) =>
        sql`update jwt_public_keys set issuer = 'shipping' where issuer = 'billing'`
      ),
      refusal("23505", /exactly one/),
    );
    const upsert = async (issuer: string) =>
      await sql.savepoint(async (sql) =>
        sql`insert into jwt_public_keys (issuer, public_key, algorithm)
          values (${issuer}, ${(await ed25519Pem("billing")).trim()}, 'EdDSA')
          on conflict (kid) do update set issuer = excluded.issuer, public_key = excluded.public_key`
      );
    await assert.rejects(upsert("shipping"), refusal("23505", /exactly one/));
    await upsert("billing");
  });
});

Deno.test("jwt_public_keys.public_key can't be changed to another key", async () => {
  await registry.undone(async (sql) => {
    await register(sql, "billing");
    const change = (pem: string) =>
      sql.savepoint((sql) => sql`update jwt_public_keys set public_key = ${pem}`);
    await assert.rejects(
      change(await ed25519Pem("another")),
      refusal("23514", /cannot be changed/),
    );
    await change(`  ${await ed25519Pem("billing")}`);
  });
});

const TIMES: readonly (readonly [string, string, string, string])[] = [
  ["ends before it begins", "'2026-02-01'", "'2026-01-01'", "'2026-03-01'"],
  ["ends as it begins", "'2026-02-01'", "'2026-02-01'", "'2026-02-01 00:00:01'"],
  ["begins at infinity", "'infinity'", "null", "null"],
  ["ends at infinity", "null", "'infinity'", "null"],
];
for (const [why, notBefore, notAfter, twinNotAfter] of TIMES) {
  Deno.test(`jwt_public_keys refuses a time that ${why}`, async () => {
    const write = (begin: string, end: string) =>
      registry.undone(async (sql) => {
        await register(sql, "billing");
        await sql.unsafe(`update jwt_public_keys set not_before = ${begin}, not_after = ${end}`);
      });
    await assert.rejects(write(notBefore, notAfter), refusal("23514"));
    await write(notBefore === "'infinity'" ? "now()" : notBefore, twinNotAfter);
  });
}

Deno.test("updated_at moves with a change, and only then; created_at never does", async () => {
  await registry.undone(async (sql) => {
    await register(sql, "billing");
    for (const table of ["jwt_issuers", "jwt_public_keys"]) {
      await sql.unsafe(`alter table ${table} disable trigger before_change`);
      await sql.unsafe(`update ${table} set created_at = '2020-01-01', updated_at = '2020-01-01'`);
      await sql.unsafe(`alter table ${table} enable always trigger before_change`);
      const years = async (set: string) => {
        const [row] = await sql.unsafe(
          `update ${table} set ${set} returning extract(year from created_at)::int as created,
            extract(year from updated_at)::int as updated`,
        );
        return [row?.created, row?.updated];
      };
      assert.deepEqual(await years("is_active = true"), [2020, 2020]);
      assert.deepEqual(await years("created_at = '2010-01-01', updated_at = '2010-01-01'"), [
        2020,
        2020,
      ]);
      const [, updated] = await years("is_active = false");
      assert(updated > 2020);
    }
  });
});

Deno.test("the registry means the same whatever the search_path and the temporary objects", async () => {
  const pem = await ed25519Pem("billing");
  await undone(registry.superuser, async (sql) => {
    const [{ kid } = { kid: "" }] = await sql<
      { kid: string }[]
    >`select countersign.key_id(${pem}) as kid`;
    await sql.unsafe(`
      create schema impostor;
      create function impostor.sha256(bytea) returns bytea language sql as $$ select 'x'::bytea $$;
      create function impostor.key_id(text) returns text language sql as $$ select 'forged' $$;
      create function impostor.role_refusal(text) returns text language sql as 'select null::text';
      create function impostor.pg_has_role(name, oid, text) returns boolean language sql as 'select true';
      create function impostor.now() returns timestamptz language sql as $$ select '1999-01-01'::timestamptz $$;
      create view impostor.role_verdicts as select 'service_role' as role_name, null as refusal;
      grant usage on schema impostor to public;
      grant select on impostor.role_verdicts to public;
      grant temporary on database postgres to service_role`);
    await becomeRequest(sql, { role: "service_role" });
    await sql.unsafe(`
      create temp table jwt_issuers (issuer text);
      create temp table jwt_registry_audit (like public.jwt_registry_audit);
      create temp table registry_state as select 7 as revision;
      create type pg_temp.text as (a int);
      create type pg_temp.jsonb as (a int);
      set local search_path = pg_temp, impostor, pg_catalog`);
    const [row] = await sql`
      insert into public.jwt_public_keys (issuer, public_key, algorithm) values ('billing', ${pem}, 'EdDSA')
      returning kid, created_at > '2020-01-01' as today`;
    assert.deepEqual(row, { kid, today: true });
    await assert.rejects(
      sql.savepoint((sql) => sql`update public.jwt_issuers set allowed_roles = '{service_role}'`),
      refusal("23514", /BYPASSRLS/),
    );
    await sql`set local search_path = public`;
    const audited =
      await sql`select table_name, revision < 7 as real from public.jwt_registry_audit order by id`;
    assert.deepEqual([...audited], [
      { table_name: "jwt_issuers", real: true },
      { table_name: "jwt_public_keys", real: true },
    ]);
  });
});

Deno.test("invariants hold while session_replication_role is replica", async () => {
  await assert.rejects(
    registry.asRequest(
      { role: "service_role" },
      (sql) => sql`set local session_replication_role = replica`,
    ),
    refusal("42501"),
  );
  const { superuser } = registry;
  await assert.rejects(
    superuser.begin(async (sql) => {
      await sql`set local session_replication_role = replica`;
      await sql`insert into jwt_issuers (issuer, allowed_roles) values ('a', '{service_role}')`;
    }),
    refusal("23514", /BYPASSRLS/),
  );
});
