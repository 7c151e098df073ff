/**
 * A race between writers and a revocation, and its outcome in the order of commits in the
 * write-ahead log, which is the order in which the database made them durable. Every row carries
 * the id of its transaction, the revoker knows its own, and `pg_walinspect` lists the commit
 * records in between. No clock and no snapshot is involved, so there is nothing that could hide a
 * write which came too late.
 */
import assert from "node:assert/strict";
import type { Sql } from "postgres";
import type { Stage } from "@countersign/fixture/stage";
import { type TokenForge, until } from "@countersign/fixture";

export const WRITERS = 12;

export const RACE_TABLE = `
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
export interface Round {
  /** Commit records of the log in order, from before the first write to after the last. */
  readonly commits: readonly string[];
  readonly revocation: string;
  readonly writes: ReadonlySet<string>;
  /** Statuses of requests that ended before the UPDATE was sent. */
  readonly before: readonly number[];
  /** Statuses of requests that began after it had committed. */
  readonly after: readonly number[];
}

export async function race(
  stage: Stage,
  superuser: Sql,
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
    if (round % 2 === 0) {
      await sql`update public.jwt_public_keys set is_active = false where kid = ${issuer.material.kid}`;
    } else {
      await sql`update public.jwt_issuers set is_active = false where issuer = ${issuer.material.issuer}`;
    }
    return await sql`select pg_current_xact_id()::text as xid`;
  });
  phase = "after";
  await until("every writer has tried again", () => after.length >= WRITERS * 2);
  stop = true;
  await Promise.all(writers);

  // A transaction of its own that is flushed, and with it everything before: the log is read up to
  // there.
  await superuser`select pg_logical_emit_message(true, 'race', 'over')`;
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
export function late({ commits, revocation, writes }: Round): string[] {
  const at = commits.indexOf(revocation);
  assert.ok(at >= 0, "the revocation is in the log");
  for (const xid of writes) assert.ok(commits.includes(xid), `write ${xid} is in the log`);
  return commits.slice(at + 1).filter((xid) => writes.has(xid));
}
