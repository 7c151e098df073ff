/**
 * Measures the unit costs on a local target, and writes them to `costs.json`. A usage report does not exist yet: its
 * table is made here as the design describes it, and measured.
 *
 * `deno run -A scripts/scale/measure.ts` (Linux only: processor time comes from /proc)
 */
import { startLocalTarget } from "@countersign/local-target";
import type { PostgresClient } from "@countersign/swap-proxy";
import postgres, { type Sql } from "postgres";
import { readSnapshot } from "../../packages/swap-proxy/registry/registry_snapshot.ts";
import { cpuSeconds } from "../bench/cpu.ts";
import { report } from "../bench/results/report.ts";
import { writeMeasured } from "./costs.ts";

const ISSUERS = 1_000;
const STATEMENTS = 400;
const CONNECTIONS = 100;
const LISTENERS = 40;
const CHANGES = 200;
const USAGE_ROWS = 10;
const REPORTS = 200;

const USAGE = `
create table public.usage_as_planned (
  hour timestamptz, issuer text, kid text, rule text, outcome text,
  count bigint not null, first timestamptz not null, last timestamptz not null,
  primary key (hour, issuer, kid, rule, outcome)
)`;
const REPORT = `
insert into public.usage_as_planned
select date_trunc('hour', now()), 'issuer-' || n, 'kid-' || n, '', 'answered', 1, now(), now()
from generate_series(1, ${USAGE_ROWS}) n
on conflict (hour, issuer, kid, rule, outcome)
do update set count = usage_as_planned.count + 1, last = excluded.last`;

await using target = await startLocalTarget({ function: false });
const options = { onnotice: () => {}, prepare: false };
const sql = postgres(target.superuserUrl, { ...options, max: 1 });
await sql.unsafe(`
  insert into public.jwt_issuers (issuer) select 'issuer-' || n from generate_series(1, ${ISSUERS}) n`);

const { pid } = (await sql`select pg_backend_pid() as pid`)[0]!;
const client: PostgresClient = {
  query: async (text, params) => await sql.unsafe(text, [...params]),
  end: () => sql.end(),
};
const reading = async (...issuers: string[]) => {
  for (let i = 0; i < 50; i++) await readSnapshot(client, issuers);
  const before = await cpuSeconds(pid);
  for (let i = 0; i < STATEMENTS; i++) await readSnapshot(client, issuers);
  return (await cpuSeconds(pid) - before) * 1_000 / STATEMENTS;
};

const versionReadMs = await reading();
const issuerReadMs = await reading("issuer-7");
const connectMs = await connecting();
const { notifyListenerMs, connectionMb } = await notifying();
const usage = await reporting();
await sql.end();

const { command, at, machine, versions } = report("deno run -A scripts/scale/measure.ts", []);
const figures = {
  versionReadMs,
  issuerReadMs,
  connectMs,
  connectionMb,
  notifyListenerMs,
  ...usage,
};
const rounded = Object.fromEntries(
  Object.entries(figures).map(([name, value]) => [name, Number(value.toPrecision(2))]),
) as typeof figures;
await writeMeasured({ ...rounded, by: { command, at, machine, versions } });
console.log(rounded);

/** What the server's ended children have used, which its main process counts once it has buried them. */
async function connecting(): Promise<number> {
  const main = Number(await parentOf(pid));
  const ended = async () => {
    const fields = (await Deno.readTextFile(`/proc/${main}/stat`)).replace(/^.*\) /, "").split(" ");
    // proc(5): cutime and cstime, in hundredths of a second.
    return (Number(fields[13]) + Number(fields[14])) * 10;
  };
  const before = await ended();
  for (let i = 0; i < CONNECTIONS; i++) {
    const one = postgres(target.databaseUrl, { ...options, max: 1 });
    await one`select`;
    await one.end();
  }
  // The last ones may still be on their way out.
  await new Promise((resolve) => setTimeout(resolve, 500));
  return (await ended() - before) / CONNECTIONS;
}

async function notifying(): Promise<{ notifyListenerMs: number; connectionMb: number }> {
  const listeners: Sql[] = [];
  const pids: number[] = [];
  let heard = 0;
  for (let i = 0; i < LISTENERS; i++) {
    const listener = postgres(target.databaseUrl, { ...options, max: 1 });
    const listening = await listener.listen("countersign_registry", () => heard++);
    pids.push(listening.state.pid);
    listeners.push(listener);
  }
  const memory = await Promise.all(pids.map(privateMb));
  const used = async () => (await Promise.all(pids.map(cpuSeconds))).reduce((a, b) => a + b, 0);
  const before = await used();
  for (let i = 0; i < CHANGES; i++) await sql`select pg_notify('countersign_registry', 'issuer-7')`;
  while (heard < LISTENERS * CHANGES) await new Promise((resolve) => setTimeout(resolve, 10));
  const notifyListenerMs = (await used() - before) * 1_000 / (LISTENERS * CHANGES);
  await Promise.all(listeners.map((listener) => listener.end({ timeout: 1 })));
  return { notifyListenerMs, connectionMb: memory.reduce((a, b) => a + b, 0) / memory.length };
}

async function reporting(): Promise<{ usageRowWalBytes: number; usageRowMs: number }> {
  await sql.unsafe(USAGE);
  await sql.unsafe(REPORT);
  const at = async () =>
    BigInt((await sql`select pg_current_wal_insert_lsn() - '0/0' as at`)[0]!.at);
  const [lsn, cpu] = [await at(), await cpuSeconds(pid)];
  for (let i = 0; i < REPORTS; i++) await sql.unsafe(REPORT);
  const rows = REPORTS * USAGE_ROWS;
  return {
    usageRowMs: (await cpuSeconds(pid) - cpu) * 1_000 / rows,
    usageRowWalBytes: Number(await at() - lsn) / rows,
  };
}

async function privateMb(pid: number): Promise<number> {
  const rollup = await Deno.readTextFile(`/proc/${pid}/smaps_rollup`);
  const kilobytes = [...rollup.matchAll(/^Private_\w+: +(\d+)/gm)].map(([, value]) =>
    Number(value)
  );
  return kilobytes.reduce((a, b) => a + b, 0) / 1_024;
}

async function parentOf(pid: number): Promise<string> {
  return (await Deno.readTextFile(`/proc/${pid}/stat`)).replace(/^.*\) /, "").split(" ")[1]!;
}
