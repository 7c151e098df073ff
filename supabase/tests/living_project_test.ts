import { postgresUnderTest } from "@countersign/fixture/stage";
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import assert from "node:assert/strict";
import type postgres from "postgres";
import {
  becomeRequest,
  connect,
  countersigned,
  MIGRATIONS,
  refusal,
  register,
} from "./fixtures/registry_database.ts";
import { readSealKey } from "./fixtures/seal.ts";

let target: LocalTarget;
let superuser: postgres.Sql;
let owner: postgres.Sql;
Deno.test.beforeEach(async () => {
  target = await startLocalTarget({
    ...postgresUnderTest(),
    function: false,
    migrations: false,
    sql: [
      ...MIGRATIONS.map(({ sql }) => sql),
      "select countersign.create_writer_role('widgets_writer')",
    ],
  });
  [superuser, owner] = [connect(target.superuserUrl), connect(target.databaseUrl)];
  await readSealKey(owner);
});
Deno.test.afterEach(async () => {
  await Promise.all([superuser.end(), owner.end()]);
  await target.stop();
});

const migrate = (sql: postgres.Sql) =>
  sql.begin(async (sql) => {
    for (const { sql: file } of MIGRATIONS) await sql.unsafe(file);
  });

/** A transaction that has run `statement` and stays open until the end of `work`. */
async function whileOpen(
  statement: string,
  work: (pid: number) => Promise<unknown>,
  url = target.databaseUrl,
) {
  const sql = connect(url);
  const over = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<number>();
  const open = sql.begin(async (sql) => {
    await sql.unsafe(statement);
    const [row] = await sql`select pg_backend_pid() as pid`;
    begun.resolve(row?.pid);
    await over.promise;
  });
  try {
    await work(await begun.promise);
  } finally {
    over.resolve();
    await open;
    await sql.end();
  }
}

const READERS = [
  "select count(*) from public.jwt_issuers",
  "select * from public.jwt_issuer_policies, public.jwt_registry_version, public.jwt_seal_keys",
  "lock table public.jwt_issuers, public.jwt_public_keys, public.jwt_registry_audit in access share mode",
];
for (const reads of READERS) {
  Deno.test(`migrations run again while a transaction stays open that did: ${reads.slice(0, 40)}`, async () => {
    const kid = await register(owner, "billing");
    await whileOpen(reads, async () => {
      const waits = watch();
      await migrate(superuser);
      assert.deepEqual(await waits(), []);
      assert.equal((await owner`select * from jwt_issuer_policies`).length, 1);
      await owner`update jwt_public_keys set is_active = false where kid = ${kid}`;
    });
  });
}

/** Notes every lock of a relation that somebody waits for, until it is called. */
function watch(): () => Promise<string[]> {
  let on = true;
  const sql = connect(target.superuserUrl);
  const seen = new Set<string>();
  const done = (async () => {
    while (on) {
      const rows = await sql`
        select relation::regclass::text as name, mode from pg_locks where locktype = 'relation' and not granted`;
      for (const { name, mode } of rows) seen.add(`${name} ${mode}`);
    }
    await sql.end();
  })();
  return async () => {
    on = false;
    await done;
    return Array.from(seen);
  };
}

Deno.test("migrations run again take no lock that a reader or a writer would wait for", async () => {
  await register(owner, "billing");
  await superuser.begin(async (sql) => {
    for (const { sql: file } of MIGRATIONS) await sql.unsafe(file);
    const rows = await sql`
      select distinct relation::regclass::text as name, mode from pg_locks
      where pid = pg_backend_pid() and locktype = 'relation' and mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
        and relation::regclass::text ~ 'jwt_|countersign' and relation::regclass::text !~ 'candidate'`;
    assert.deepEqual([...rows], []);
  });
});

Deno.test("a change of the schema that is due waits without being waited for, and names who is in its way", async () => {
  await register(owner, "billing");
  await owner.unsafe("alter table public.jwt_issuers disable row level security");
  await whileOpen(READERS[0]!, async (pid) => {
    let slowest = 0;
    let on = true;
    const reader = connect(target.databaseUrl);
    const reading = (async () => {
      while (on) {
        const start = performance.now();
        await reader`select count(*) from public.jwt_issuers`;
        slowest = Math.max(slowest, performance.now() - start);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await assert.rejects(migrate(owner), (reason: postgres.PostgresError) => {
      assert.equal(reason.code, "55P03");
      assert.match(
        reason.message,
        new RegExp(`Cannot change .* session ${pid} \\(user "postgres"`),
      );
      assert.match(reason.hint ?? "", /Nothing was changed.*again/);
      return true;
    });
    on = false;
    await reading;
    await reader.end();
    // 40 ms and what a loaded machine adds to them; without the limit it would be more than 5 seconds.
    assert(slowest < 4000, `${slowest} ms`);
  });
  await migrate(owner);
  const [row] = await owner`select relrowsecurity from pg_class where relname = 'jwt_issuers'`;
  assert.deepEqual(row, { relrowsecurity: true });
});

Deno.test("the version that is installed can be read, also by the reader", async () => {
  for (const role of ["service_role", "countersign_reader"]) {
    await superuser.begin(async (sql) => {
      await becomeRequest(sql, { role });
      const [row] =
        await sql`select schema_version, countersign.version() from public.jwt_registry_version`;
      assert.equal(row?.schema_version, MIGRATIONS.at(-1)?.name.split("_")[0]);
      assert.equal(row?.version, row?.schema_version);
    });
  }
});

Deno.test("a registry that changed hands works again once a superuser has applied the migrations", async () => {
  const kid = await register(owner, "billing", { single_use: true });
  await superuser.unsafe(`
    create role heir login createrole password 'heir';
    alter table public.jwt_issuers owner to heir;
    alter table public.jwt_public_keys owner to heir;
    grant all on schema public to heir;
    grant create, temporary on database postgres to heir;
    grant pg_signal_backend to heir`);
  const heir = connect(
    Object.assign(new URL(target.databaseUrl), { username: "heir", password: "heir" }).href,
  );
  try {
    await assert.rejects(
      migrate(heir),
      (reason: postgres.PostgresError) => {
        assert.equal(reason.code, "42501");
        assert.match(reason.message, /Cannot migrate as "heir": .* belongs to "postgres"/);
        assert.match(reason.hint ?? "", /superuser/);
        return true;
      },
    );
    await migrate(superuser);
    const owners = await superuser`
      select distinct pg_get_userbyid(relowner) as owner from pg_class
      where relnamespace in ('countersign'::regnamespace, 'countersign_locks'::regnamespace) or relname like 'jwt\\_%'
      union
      select pg_get_userbyid(proowner) from pg_proc where pronamespace = 'countersign'::regnamespace`;
    assert.deepEqual([...owners], [{ owner: "heir" }]);
    await migrate(heir);
    await heir`update jwt_public_keys set is_active = false where kid = ${kid}`;
    assert.equal((await heir`select * from jwt_registry_audit`).length, 3);
    await superuser.begin(async (sql) => {
      await becomeRequest(sql, { role: "widgets_writer", claims: countersigned("billing", kid) });
      await assert.rejects(
        sql.savepoint((sql) => sql`select countersign.check_request()`),
        refusal("PGRST", /token_refused/),
      );
    });
  } finally {
    await heir.end();
  }
});

Deno.test("migrations of a superuser, and then of postgres, say whose the registry is", async () => {
  await superuser.unsafe(`
    drop schema countersign cascade; drop schema countersign_locks cascade;
    drop table public.jwt_issuers, public.jwt_public_keys, public.jwt_registry_audit cascade;
    drop function public.jwt_rotate_key, public.jwt_apply_plan`);
  await migrate(superuser);
  await assert.rejects(migrate(owner), refusal("42501", /belongs to "supabase_admin"/));
  // As the hint says.
  await superuser`alter table public.jwt_issuers owner to postgres`;
  await migrate(superuser);
  await migrate(owner);
  await register(owner, "billing");
});

Deno.test("rows of a dump keep their times, and what is live follows them", async () => {
  await superuser.begin(async (sql) => {
    await sql`set local session_replication_role = replica`;
    await sql`insert into jwt_issuers (issuer, allowed_roles, created_at, updated_at)
      values ('restored', '{widgets_writer}', '2020-01-01', '2021-01-01')`;
    await sql`insert into jwt_public_keys (issuer, public_key, algorithm, created_at, updated_at)
      values ('restored', '-----BEGIN PUBLIC KEY-----MCowBQYDK2VwAyEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=-----END PUBLIC KEY-----',
        'EdDSA', '2020-01-01', '2021-01-01')`;
  });
  for (const table of ["jwt_issuers", "jwt_public_keys"]) {
    const [row] = await owner.unsafe(
      `select extract(year from created_at)::int as created, extract(year from updated_at)::int as updated from ${table}`,
    );
    assert.deepEqual(row, { created: 2020, updated: 2021 });
  }
  const [key] = await owner`select kid from jwt_public_keys`;
  for (const isolation of ["read committed", "repeatable read"]) {
    await superuser.begin(`isolation level ${isolation}`, async (sql) => {
      await becomeRequest(sql, {
        role: "widgets_writer",
        claims: countersigned("restored", key?.kid),
      });
      await sql`select countersign.check_request()`;
    });
  }
});

Deno.test("one bad row hurts no other issuer", async () => {
  await register(owner, "billing");
  await register(owner, "broken");
  await owner.unsafe(`
    alter table public.jwt_issuers drop constraint jwt_issuers_max_token_lifetime_is_sane;
    update public.jwt_issuers set max_token_lifetime = '100000 years -35999999 days' where issuer = 'broken'`);
  const rows =
    await owner`select issuer, is_active, max_token_lifetime from jwt_issuer_policies order by 1`;
  assert.deepEqual([...rows], [
    { issuer: "billing", is_active: true, max_token_lifetime: 300 },
    { issuer: "broken", is_active: false, max_token_lifetime: 1 },
  ]);
});
