/**
 * Mixed traffic through three proxies for as long as one likes, while keys are rotated, issuers shut out, policies
 * changed and everything around the proxies broken. Every answer is judged by a model of what was true when,
 * every row is held against what its writer was told; memory and connections have to stay flat.
 *
 * `deno task soak [--minutes 10]`; exits 1 if anything was wrong.
 */
import { parseArgs } from "node:util";
import { startLocalTarget } from "@countersign/local-target";
import postgres from "postgres";
import { SCHEMA } from "../functions/rest/tests/stage_schema.ts";
import { TcpRelay } from "../functions/rest/tests/tcp_relay.ts";
import { downstreamToken } from "../functions/rest/tests/token_forge.ts";
import { injectFaults } from "./soak_faults.ts";
import { Ledger } from "./soak_ledger.ts";
import { Faults, History, Judge } from "./soak_model.ts";
import { Operator } from "./soak_operator.ts";
import { Proxy } from "./soak_proxies.ts";
import { MAX_STALENESS, Services } from "./soak_services.ts";

/** MB by which the resident memory of the last quarter may exceed that of the second: V8 collects lazily. */
const MEMORY_ALLOWANCE = 16;
/** Minutes of a whole run from which on memory has had the time to settle. */
const MEMORY_SETTLES = 10;
/** One for statements at each proxy, and one that listens at two of them. */
const CONNECTIONS = 5;

const { values } = parseArgs({
  args: Deno.args,
  options: { minutes: { type: "string", default: "10" } },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  console.error('Option "--minutes" is not valid, expected a positive number');
  Deno.exit(2);
}

await using opened = new AsyncDisposableStack();
const target = opened.use(await startLocalTarget({ function: false, sql: [SCHEMA] }));
const sql = connect(target.databaseUrl, 4);
const superuser = connect(target.superuserUrl, 1);
const relays = [0, 1, 2].map(() => opened.use(new TcpRelay(target.databaseUrl)));
const start = async (name: string, relay: TcpRelay, listen: boolean) =>
  opened.use(
    await Proxy.start(name, {
      SUPABASE_URL: target.url,
      SUPABASE_DB_URL: relay.through(target.databaseUrl),
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: target.publishableKey }),
      COUNTERSIGN_JWT_SECRET: target.jwtSecret,
      COUNTERSIGN_UPSTREAM_URL: target.postgrestUrl,
      COUNTERSIGN_UPSTREAM_TIMEOUT: "2s",
      COUNTERSIGN_MAX_STALENESS: `${MAX_STALENESS}s`,
      COUNTERSIGN_DB_LISTEN: String(listen),
    }),
  );
const listening = await start("listening", relays[0]!, true);
const polling = await start("polling", relays[1]!, false);
// The one that is killed now and then: the others live long enough to show what memory they take.
const mortal = await start("mortal", relays[2]!, true);
const proxies = [listening, polling, mortal];

const faults = new Faults();
const guard = new History(false);
const judge = new Judge(faults, guard, (what) => console.error(`WRONG: ${what}`));
const ledger = new Ledger();
const stage = { url: target.url, proxies, ledger, judge, guard };
const started = performance.now();
const deadline = started + minutes * 60_000;
let interrupted = false;
Deno.addSignalListener("SIGINT", () => interrupted = true);
const isOver = () => interrupted || performance.now() > deadline;

let mostConnections = 0;
const watch = setInterval(async () => {
  for (const proxy of proxies) proxy.sample();
  try {
    mostConnections = Math.max(mostConnections, await connections());
  } catch {
    // Postgres is away, and so are its connections.
  }
}, 1_000);
opened.defer(() => clearInterval(watch));

const operator = new Operator(stage, sql);
let injected: Map<string, number>;
{
  await using services = new Services(stage);
  await using changing = operator;
  const steady = await changing.register("steady");
  const hasty = await changing.register("hasty");
  const switched = await changing.register("switched");
  const policed = await changing.register("policed");
  const rotating = changing.rotates(await changing.register("rotating"), 15);
  const once = await changing.register("once", { singleUse: true });
  changing.switches(switched, 5);
  changing.polices(policed, 7);
  changing.guards(guard, minutes * 15, refusesWhatIsNotCountersigned);

  services.writer("steady", () => steady);
  services.reusing("steady, reusing tokens", steady);
  services.writer("switched", () => switched);
  services.writer("policed", () => policed);
  services.writer("rotating", rotating.current);
  services.writer("rotating, with the key before", rotating.former);
  services.writer("newcomer", changing.welcomes(6));
  services.reader(steady);
  services.leaver(hasty);
  services.replayer(once);
  services.forger(steady);
  services.strangers(steady);
  injected = await injectFaults(
    { target, sql, superuser, relays, mortal },
    faults,
    isOver,
  );
}

const { written, rows } = await ledger.settle(sql, judge);
const left = await connections();
if (left > CONNECTIONS) judge.wrong(`${left} connections to Postgres are left`);
const minutesRun = (performance.now() - started) / 60_000;
const memory = [listening, polling].map((proxy) => ({ proxy: proxy.name, ...proxy.memory() }));
for (const { proxy, earlier, later } of memory) {
  if (minutesRun >= MEMORY_SETTLES && later > earlier + MEMORY_ALLOWANCE) {
    judge.wrong(`The ${proxy} proxy grew from ${earlier} to ${later} MB`);
  }
}

const quiet = judge.quiet.sort((a, b) => a - b);
const at = (share: number) => quiet[Math.floor(quiet.length * share)]?.toFixed(1);
console.log(`${minutesRun.toFixed(1)} minutes`);
console.table(Object.fromEntries([...judge.verdicts].sort()));
console.table(Object.fromEntries(operator.done));
console.table(Object.fromEntries(injected));
console.table(memory);
console.log(`${written} writes acknowledged, ${rows} rows`);
console.log(`${quiet.length} answers outside faults: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
console.log(`connections of the proxies: at most ${mostConnections}, ${left} in the end`);
console.log(`${judge.violations.length} wrong`);
Deno.exitCode = judge.violations.length === 0 ? 0 : 1;

function connect(url: string, max: number): postgres.Sql {
  const sql = postgres(url, { max, prepare: false, onnotice: () => {} });
  opened.defer(() => sql.end({ timeout: 1 }));
  return sql;
}

async function connections(): Promise<number> {
  const [row] = await superuser<{ count: number }[]>`
    select count(*)::int as count from pg_stat_activity where application_name = 'countersign'`;
  return row!.count;
}

/** What only the guard does. */
async function refusesWhatIsNotCountersigned(): Promise<boolean> {
  const token = downstreamToken({ role: "invoices_writer", iss: "steady" }, target.jwtSecret);
  const response = await fetch(`${target.postgrestUrl}/invoices?limit=1`, {
    headers: { authorization: `Bearer ${token}` },
  });
  await response.body?.cancel();
  return response.status === 401;
}
