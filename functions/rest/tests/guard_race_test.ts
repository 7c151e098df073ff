/**
 * After the revoking UPDATE has committed, no write of that issuer commits: shown by the order of commits in the
 * write-ahead log, which is the order in which the database made them durable. Every row carries the id of its
 * transaction, the revoker knows its own, and `pg_walinspect` lists the commit records in between. No clock and no
 * snapshot is involved, so there is nothing that could hide a write which came too late.
 *
 * The proxies are kept from hearing of the revocation (their registry connection hangs, and their staleness is long), so
 * only the guard stands between the writers and the table.
 */
import assert from "node:assert/strict";
import postgres from "postgres";
import { newName } from "./attempt.ts";
import { inProcess, ownProcess } from "./hosts.ts";
import { openStage, type Stage } from "./stage.ts";
import type { TokenForge } from "./token_forge.ts";
import { until } from "./until.ts";

const ROUNDS = 20;
const WRITERS = 12;
const PROXIES = 3;

const RACE_TABLE = `
create table public.race (
  id bigint generated always as identity primary key,
  round int not null,
  xid xid8 not null default pg_current_xact_id()
);
alter table public.race enable row level security;
grant insert on public.race to widgets_writer;
create policy writers on public.race for insert to widgets_writer
  with check (countersign.issuer() is not null);
`;

/** One round: writers write as fast as they can while the issuer is revoked in their midst. */
interface Round {
  /** Commit records of the log in order, from before the first write to after the last. */
  readonly commits: readonly string[];
  readonly revocation: string;
  readonly writes: ReadonlySet<string>;
  /** Statuses of requests that ended before the UPDATE was sent. */
  readonly before: readonly number[];
  /** Statuses of requests that began after it had committed. */
  readonly after: readonly number[];
}

async function race(
  stage: Stage,
  superuser: postgres.Sql,
  origins: readonly string[],
  issuer: TokenForge,
  round: number,
): Promise<Round> {
  const token = issuer.token();
  const before: number[] = [];
  const after: number[] = [];
  let phase: "before" | "during" | "after" = "before";
  let stop = false;

  const [start] = await superuser`select pg_current_wal_insert_lsn()::text as lsn`;
  const writer = async (origin: string) => {
    while (!stop) {
      const begun = phase;
      const { status } = await stage.send({
        token,
        path: "/rest/v1/race",
        body: JSON.stringify({ round }),
      }, origin);
      if (phase === "before") before.push(status);
      if (begun === "after") after.push(status);
    }
  };
  const writers = Array.from({ length: WRITERS }, (_, i) => writer(origins[i % origins.length]!));
  await until("every writer has written", () => before.length >= WRITERS * 2);

  phase = "during";
  const [revoked] = await stage.sql.begin(async (sql) => {
    await sql`update public.jwt_public_keys set is_active = false where kid = ${issuer.material.kid}`;
    return await sql`select pg_current_xact_id()::text as xid`;
  });
  phase = "after";
  await until("every writer has been refused", () => after.length >= WRITERS * 2);
  stop = true;
  await Promise.all(writers);

  // A transaction of its own that is flushed, and with it everything before: the log is read up to there.
  await superuser`select pg_logical_emit_message(true, 'race', 'over', true)`;
  const commits = await superuser`
    select xid::text from pg_get_wal_records_info(${start!.lsn}, pg_current_wal_flush_lsn())
    where resource_manager = 'Transaction' and record_type = 'COMMIT' order by start_lsn`;
  const writes = await superuser`select xid::text from public.race where round = ${round}`;
  return {
    commits: commits.map(({ xid }) => xid),
    revocation: revoked!.xid,
    writes: new Set(writes.map(({ xid }) => xid)),
    before,
    after,
  };
}

/** Writes that committed after the revocation, by the log. */
function late({ commits, revocation, writes }: Round): string[] {
  const at = commits.indexOf(revocation);
  assert.ok(at >= 0, "the revocation is in the log");
  for (const xid of writes) assert.ok(commits.includes(xid), `write ${xid} is in the log`);
  return commits.slice(at + 1).filter((xid) => writes.has(xid));
}

Deno.test("the guard: no write commits after the revocation has", async (t) => {
  await using stage = await openStage(inProcess, {
    env: { COUNTERSIGN_MAX_STALENESS: "600" },
    sql: [RACE_TABLE],
  });
  await using others = new AsyncDisposableStack();
  const origins = [stage.function.origin];
  while (origins.length < PROXIES) {
    origins.push(others.use(await ownProcess.start(stage.env)).origin);
  }
  const superuser = postgres(stage.target.superuserUrl, { max: 1, onnotice: () => {} });
  others.defer(() => superuser.end({ timeout: 1 }));
  await superuser`create extension pg_walinspect`;
  const issuer = stage.trusted;
  const { kid } = issuer.material;

  const guard = async (state: "enable" | "disable") => {
    await stage.sql.unsafe(`select countersign.guard_${state}()`);
    await stage.target.postgrest.restart();
  };
  /** All proxies know the issuer as active, and hear nothing more. */
  const prepare = async () => {
    stage.registry.open();
    await stage.sql`update public.jwt_public_keys set is_active = true where kid = ${kid}`;
    for (const origin of origins) {
      await until("the proxy knows the issuer", async () => {
        const answer = await stage.send({ token: issuer.token() }, origin);
        return answer.status === 201;
      }, 15_000);
    }
    stage.registry.hold();
  };

  try {
    await t.step(
      "without it, writes of a revoked issuer do commit, and this test sees them",
      async () => {
        await prepare();
        const token = issuer.token();
        const [start] = await superuser`select pg_current_wal_insert_lsn()::text as lsn`;
        void start;
        await stage.sql`update public.jwt_public_keys set is_active = false where kid = ${kid}`;
        const { status } = await stage.send({ token, body: JSON.stringify({ name: newName() }) });
        assert.equal(status, 201);
      },
    );

    await t.step(
      `with it, none of ${ROUNDS} rounds has a late write or an early refusal`,
      async () => {
        await guard("enable");
        for (let round = 1; round <= ROUNDS; round++) {
          await prepare();
          const result = await race(stage, superuser, origins, issuer, round);
          assert.deepEqual(late(result), [], `round ${round}`);
          assert.deepEqual(new Set(result.before), new Set([201]), `round ${round}`);
          assert.deepEqual(new Set(result.after), new Set([401]), `round ${round}`);
          assert.ok(result.writes.size >= WRITERS * 2);
        }
      },
    );
  } finally {
    stage.registry.open();
  }
});
