import assert from "node:assert/strict";
import postgres from "postgres";
import {
  becomeRequest,
  connect,
  countersigned,
  ed25519Pem,
  refusal,
  register,
  registerMany,
  RegistryDatabase,
} from "./fixtures/registry_database.ts";

const WRITERS = 8;
const ROUNDS = 15;

let registry: RegistryDatabase;
/** Connections as PostgREST has them. */
let pool: postgres.Sql;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start([
    "create table public.ledger (issuer text not null, round int not null)",
    "grant insert on public.ledger to authenticated",
    // What the guard would be if it only looked.
    `create function public.check_without_lock() returns void language plpgsql security definer as $$
    begin
      if not (select is_active from public.jwt_public_keys
        where kid = current_setting('request.jwt.claims')::jsonb #>> '{countersign,kid}')
      then raise sqlstate 'PGRST' using message = '{"code":"token_refused"}'; end if;
    end $$`,
  ]);
  pool = connect(registry.target.superuserUrl, { max: WRITERS });
});
Deno.test.afterAll(async () => {
  await pool.end();
  await registry.stop();
});

const GUARD = "select countersign.check_request()";
const GUARD_WITHOUT_LOCK = "select public.check_without_lock()";

interface Race {
  readonly check?: string;
  readonly isolation?: string;
  /** Revokes the issuer or its key. */
  readonly revoke?: string;
  /** What else a refusal may say, besides `token_refused`. */
  readonly alsoRefused?: string;
}

/**
 * Writers write for one issuer, each in a transaction as PostgREST makes it, until they are refused; meanwhile
 * another connection revokes. Counts rows that committed after the revocation, and refusals before it.
 */
async function race(round: number, { check = GUARD, isolation = "read committed", ...race }: Race) {
  const issuer = `race-${crypto.randomUUID()}`;
  const kid = await register(registry.owner, issuer);
  const claims = countersigned(issuer, kid);
  const revoke = race.revoke ?? "update jwt_public_keys set is_active = false where issuer = $1";
  let refusedEarly = 0;
  let writes = 0;

  const started = Promise.withResolvers<void>();
  const writers = Array.from({ length: WRITERS }, async () => {
    for (;;) {
      try {
        await pool.begin(`isolation level ${isolation}`, async (sql) => {
          await becomeRequest(sql, { role: "widgets_writer", claims });
          await sql.unsafe(check);
          // Between the check and the commit is where a revocation could slip in.
          await sql.unsafe("select pg_catalog.pg_sleep(random() * 0.004)");
          await sql`insert into public.ledger values (${issuer}, ${round})`;
        });
        if (++writes === 2 * WRITERS) started.resolve();
      } catch (reason) {
        assert(reason instanceof postgres.PostgresError && reason.code === "PGRST", String(reason));
        const { code } = JSON.parse(reason.message);
        if (code === race.alsoRefused) continue;
        assert.equal(code, "token_refused");
        const [row] = await registry.superuser`
          select exists (select from jwt_public_keys k join jwt_issuers i using (issuer)
            where kid = ${kid} and k.is_active and i.is_active and i.reject_issued_before is null) as trusted`;
        if (row?.trusted) refusedEarly++;
        return;
      }
    }
  });
  await Promise.race([started.promise, Promise.all(writers)]);
  const atRevocation = await registry.owner.begin(async (sql) => {
    await sql.unsafe(revoke, [issuer]);
    // The last thing before the commit: all that was committed until then.
    const [row] = await sql`select count(*)::int from ledger where issuer = ${issuer}`;
    return row?.count;
  });
  await Promise.all(writers);
  const [row] = await registry.owner`select count(*)::int from ledger where issuer = ${issuer}`;
  return { committedLate: row?.count - atRevocation, refusedEarly, writes };
}

async function races(options: Race, rounds = ROUNDS) {
  const total = { committedLate: 0, refusedEarly: 0, writes: 0 };
  for (let round = 0; round < rounds; round++) {
    const { committedLate, refusedEarly, writes } = await race(round, options);
    total.committedLate += committedLate;
    total.refusedEarly += refusedEarly;
    total.writes += writes;
  }
  assert(total.writes >= rounds * WRITERS * 2);
  return total;
}

Deno.test("the race sees writes slip past a guard without a lock", async () => {
  const { committedLate } = await races({ check: GUARD_WITHOUT_LOCK });
  assert(committedLate > 0);
});

const REVOCATIONS: Record<string, string> = {
  "revoking the key": "update jwt_public_keys set is_active = false where issuer = $1",
  "deactivating the issuer": "update jwt_issuers set is_active = false where issuer = $1",
  "deleting the key": "delete from jwt_public_keys where issuer = $1",
  "deleting the issuer": "delete from jwt_issuers where issuer = $1",
  "a cut-off":
    "update jwt_issuers set reject_issued_before = now() + interval '1 minute' where issuer = $1",
};
for (const [how, revoke] of Object.entries(REVOCATIONS)) {
  Deno.test(`check_request() lets nothing commit after ${how}, and refuses nothing before`, async () => {
    const { committedLate, refusedEarly } = await races({ revoke });
    assert.deepEqual({ committedLate, refusedEarly }, { committedLate: 0, refusedEarly: 0 });
  });
}

for (const isolation of ["repeatable read", "serializable"]) {
  Deno.test(`check_request() lets nothing commit after a revocation from a ${isolation} snapshot`, async () => {
    const { committedLate, refusedEarly } = await races(
      { isolation, alsoRefused: "registry_unavailable" },
    );
    assert.deepEqual({ committedLate, refusedEarly }, { committedLate: 0, refusedEarly: 0 });
  });
}

Deno.test("check_request() refuses a snapshot older than a change of its issuer, and trusts any other", async () => {
  const kid = await register(registry.owner, "snapshot");
  const claims = countersigned("snapshot", kid);
  const other = connect(registry.target.databaseUrl);
  /** Whether a request passes whose snapshot is from before `meanwhile`. */
  const passes = (meanwhile: () => Promise<unknown>) =>
    pool.begin("isolation level repeatable read read only", async (sql) => {
      await becomeRequest(sql, { role: "widgets_writer", claims });
      await meanwhile();
      await sql.unsafe(GUARD);
    }).then(() => "passed", ({ message }) => JSON.parse(message).code);
  const change = (value: boolean) =>
    other`update jwt_issuers set single_use = ${value} where issuer = 'snapshot'`;
  try {
    assert.equal(await passes(() => Promise.resolve()), "passed");
    assert.equal(
      await passes(() => other`insert into jwt_issuers (issuer) values ('late')`),
      "passed",
    );
    assert.equal(await passes(() => change(true)), "registry_unavailable");
    assert.equal(await passes(() => Promise.resolve()), "passed");
    const inSavepoint = () =>
      other.begin(async (sql) => {
        await sql.savepoint((sql) =>
          sql`update jwt_issuers set single_use = false where issuer = 'snapshot'`
        );
      });
    assert.equal(await passes(inSavepoint), "registry_unavailable");
    assert.equal(await passes(() => Promise.resolve()), "passed");
    assert.equal(
      await passes(() => other`delete from jwt_public_keys where issuer = 'snapshot'`),
      "registry_unavailable",
    );
    await register(registry.owner, "snapshot-2");
    // A change that was rolled back changed nothing.
    const second = await register(registry.owner, "snapshot-3");
    Object.assign(claims, countersigned("snapshot-3", second));
    const rolledBack = () =>
      assert.rejects(other.begin(async (sql) => {
        await sql`update jwt_issuers set is_active = false where issuer = 'snapshot-3'`;
        throw new Error("rolled back");
      }));
    assert.equal(await passes(rolledBack), "passed");
    assert.equal(await passes(() => Promise.resolve()), "passed");
  } finally {
    await other.end();
  }
});

/** Waits until `count` sessions wait for one of the guard's locks. */
async function untilWaiting(count: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const [row] = await registry.superuser`
      select count(*)::int as waiting from pg_locks where locktype = 'relation' and not granted`;
    if (row?.waiting === count) return;
    assert(Date.now() < deadline, `Expected ${count} sessions to wait, got ${row?.waiting}`);
  }
}

Deno.test("a revocation waits for a write under way; later requests of the issuer wait for it, others do not", async () => {
  const kid = await register(registry.owner, "waits");
  const otherKid = await register(registry.owner, "does-not-wait");
  const request = (issuer: string, kid: string, sql: postgres.TransactionSql) =>
    becomeRequest(sql, { role: "widgets_writer", claims: countersigned(issuer, kid) })
      .then(() => sql.unsafe(GUARD));

  const revoker = connect(registry.target.databaseUrl);
  const checked = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const writer = pool.begin(async (sql) => {
    await request("waits", kid, sql);
    checked.resolve();
    await finish.promise;
  });
  await checked.promise;

  const revoked = revoker`update jwt_public_keys set is_active = false where kid = ${kid}`
    .execute();
  await untilWaiting(1);
  const late = pool.begin((sql) => request("waits", kid, sql))
    .then(() => "passed", ({ message }) => JSON.parse(message).code);
  await untilWaiting(2);
  await pool.begin((sql) => request("does-not-wait", otherKid, sql));
  await untilWaiting(2);

  finish.resolve();
  await Promise.all([writer, revoked]);
  assert.equal(await late, "token_refused");
  await revoker.end();
});

Deno.test("changing every issuer at once takes a bounded number of locks", async () => {
  await registry.undone(async (sql) => {
    await registerMany(sql, "many-", 3000);
    await sql`update jwt_issuers set is_active = false`;
    const [row] = await sql`
      select count(*)::int from pg_locks where relation::regclass::text like 'countersign_locks.%'`;
    assert.equal(row?.count, 256);
  });
});

Deno.test("a single-use token that is replayed at once commits one write", async () => {
  const kid = await register(registry.owner, "once", { single_use: true });
  for (let round = 0; round < ROUNDS; round++) {
    const claims = countersigned("once", kid, { countersign: { kid, jti: `once-${round}` } });
    const outcomes = await Promise.all(
      Array.from({ length: WRITERS }, () =>
        pool.begin(async (sql) => {
          await becomeRequest(sql, { role: "widgets_writer", claims });
          await sql.unsafe(GUARD);
          await sql`insert into public.ledger values ('once', ${round})`;
        }).then(() => "passed", ({ message }) => JSON.parse(message).code)),
    );
    assert.equal(outcomes.filter((outcome) => outcome === "passed").length, 1);
    assert.equal(
      outcomes.filter((outcome) => outcome === "token_already_used").length,
      WRITERS - 1,
    );
  }
  const [row] = await registry.owner`select count(*)::int from ledger where issuer = 'once'`;
  assert.equal(row?.count, ROUNDS);
});

Deno.test("a single-use token whose first write is rolled back serves the replay that waited for it", async () => {
  const kid = await register(registry.owner, "again", { single_use: true });
  const claims = countersigned("again", kid, { countersign: { kid, jti: "again" } });
  const checked = Promise.withResolvers<void>();
  const fail = Promise.withResolvers<void>();
  const first = pool.begin(async (sql) => {
    await becomeRequest(sql, { role: "widgets_writer", claims });
    await sql.unsafe(GUARD);
    checked.resolve();
    await fail.promise;
    throw new Error("rolled back");
  });
  await checked.promise;
  const second = pool.begin(async (sql) => {
    await becomeRequest(sql, { role: "widgets_writer", claims });
    await sql.unsafe(GUARD);
  });
  fail.resolve();
  await assert.rejects(first, /rolled back/);
  await second;
});

Deno.test("administrators, with a statement each, and requests never deadlock", async () => {
  const issuers = Array.from({ length: 6 }, (_, n) => `busy-${n}`);
  const kids = await Promise.all(
    issuers.map((issuer) => register(registry.owner, issuer, { single_use: true })),
  );
  const admins = connect(registry.target.databaseUrl, { max: 4 });
  let done = false;
  const requests = Array.from({ length: WRITERS }, async (_, writer) => {
    for (let n = 0; !done; n++) {
      const at = (writer + n) % issuers.length;
      const claims = countersigned(issuers[at]!, kids[at]!, {
        countersign: { kid: kids[at]!, jti: `${writer % 3}-${n}` },
      });
      await pool.begin(async (sql) => {
        await becomeRequest(sql, { role: "widgets_writer", claims });
        await sql.unsafe(GUARD);
        await sql`insert into public.ledger values (${issuers[at]!}, 0)`;
      }).catch(({ code }) => assert.equal(code, "PGRST"));
    }
  });
  try {
    await Promise.all(Array.from({ length: 4 }, async (_, admin) => {
      for (let n = 0; n < 12; n++) {
        const flag = n % 2 === 0;
        const issuer = issuers[(n + admin) % 5]!;
        const sql = admins;
        if (admin === 0) {
          await sql`update jwt_issuers set is_active = ${flag} where issuer like 'busy-%'`;
        } else if (admin === 1) {
          await sql`update jwt_public_keys set is_active = ${flag} where issuer like 'busy-%'`;
        } else if (admin === 2 && n === 6) {
          await sql`delete from jwt_issuers where issuer = 'busy-5'`;
        } else if (admin === 3 && flag) await sql.begin((sql) => register(sql, `new-${n}`));
        else await sql`update jwt_issuers set description = ${String(n)} where issuer = ${issuer}`;
      }
    }));
  } finally {
    done = true;
    await Promise.all(requests);
    await admins.end();
  }
});

Deno.test("a revocation from a frozen snapshot fails rather than leave a key live that it does not show", async () => {
  await register(registry.owner, "frozen");
  const other = connect(registry.target.databaseUrl);
  const revoke = (meanwhile: () => Promise<unknown>) =>
    other.begin("isolation level repeatable read", async (sql) => {
      await sql`select from jwt_issuers`;
      await meanwhile();
      await sql`update jwt_issuers set is_active = false where issuer = 'frozen'`;
    });
  const added = await ed25519Pem("added");
  try {
    await assert.rejects(
      revoke(() =>
        registry
          .owner`insert into jwt_public_keys (issuer, public_key, algorithm) values ('frozen', ${added}, 'EdDSA')`
      ),
      refusal("40001"),
    );
    await revoke(() => Promise.resolve());
  } finally {
    await other.end();
  }
  const live = await registry.superuser`
    select distinct issuer_is_active from countersign.live where issuer = 'frozen'`;
  assert.deepEqual([...live], [{ issuer_is_active: false }]);
});
