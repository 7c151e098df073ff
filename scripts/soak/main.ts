/**
 * Mixed traffic through three proxies for as long as one likes, while keys are rotated, issuers shut out, policies
 * changed and everything around the proxies broken. Every answer is judged by a model of what was true when,
 * every row is held against what its writer was told; memory and connections have to stay flat.
 *
 * `deno task soak [--minutes 10] [--faults 1] [--quiet 8] [--slowness 1]`; exits 1 if anything was wrong.
 */
import { startLocalTarget } from "@countersign/local-target";
import postgres from "postgres";
import { SCHEMA } from "@countersign/fixture/stage";
import { downstreamToken, TcpRelay, until } from "@countersign/fixture";
import { clock, ProgressLine } from "../progress/progress_line.ts";
import { type Injected, injectFaults } from "./faults.ts";
import { Ledger } from "./ledger.ts";
import { COLLECTIONS, excess, growth, inMb } from "./memory.ts";
import { Faults, History, Judge, WELL_AGAIN } from "./model.ts";
import { Operator } from "./operator.ts";
import { type SoakOptions, soakOptions } from "./options.ts";
import { Proxy } from "./proxies.ts";
import { MAX_STALENESS, Services } from "./services.ts";

/** Minutes of a run from which on what the proxies hold has had the time to settle. */
const SETTLES = 5;
/** One for statements at each proxy, and one that listens at two of them. */
const CONNECTIONS = 5;

let options: SoakOptions;
try {
  options = soakOptions(Deno.args);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(2);
}
const { minutes, slowness } = options;

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
      COUNTERSIGN_UPSTREAM_TIMEOUT: `${2_000 * slowness}ms`,
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
const judge = new Judge(faults, guard, (what) => line.above(() => console.error(`WRONG: ${what}`)));
const ledger = new Ledger();
const stage = { url: target.url, proxies, ledger, judge, guard, slowness };
const started = performance.now();
const line = opened.use(
  new ProgressLine(() => {
    const answers = judge.verdicts.values().reduce((sum, count) => sum + count, 0);
    return `of ${clock(minutes * 60_000)}: ${answers} answers, ${judge.violations.length} wrong`;
  }),
);
const hasPassed = (share: number) => performance.now() > started + share * minutes * 60_000;

let mostConnections = 0;
const watch = setInterval(async () => {
  try {
    mostConnections = Math.max(mostConnections, await connections());
  } catch {
    // Postgres is away, and so are its connections.
  }
}, 1_000);
opened.defer(() => clearInterval(watch));

const operator = new Operator(stage, sql);
let injected: Map<string, Injected>;
{
  await using services = new Services(stage);
  await using changing = operator;
  const steady = await changing.register("steady");
  const hasty = await changing.register("hasty");
  const switched = await changing.register("switched");
  const policed = await changing.register("policed");
  const rotating = changing.rotates(await changing.register("rotating"), 8);
  const once = await changing.register("once", { singleUse: true });
  changing.switches(switched, 5);
  changing.polices(policed, 7);
  changing.guards(guard, minutes * 30, refusesWhatIsNotCountersigned);

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
  const collecting = collect();
  injected = await injectFaults(
    { target, sql, superuser, relays, mortal, isWell: () => services.areWelcome(steady) },
    {
      quiet: options.quiet,
      wellAgain: WELL_AGAIN * slowness,
      isOver: (count) => hasPassed(1) && count >= options.faults,
    },
    faults,
    judge,
  );
  await collecting;
}

const { written, rows } = await ledger.settle(sql, judge);
let left = await connections();
// One that was given up may still be on its way out.
const isFlat = async () => (left = await connections()) <= CONNECTIONS;
await until("connections to Postgres are closed", isFlat, 10_000)
  .catch(() => judge.wrong(`${left} connections to Postgres are left`));
if (mostConnections > 2 * CONNECTIONS) {
  judge.wrong(`There were ${mostConnections} connections to Postgres at once`);
}
const minutesRun = (performance.now() - started) / 60_000;
for (const proxy of proxies) {
  const grown = minutesRun >= SETTLES ? growth(proxy.kept) : [];
  for (const what of [...grown, ...excess(proxy)]) judge.wrong(`The ${proxy.name} proxy ${what}`);
}

line[Symbol.dispose]();
const quiet = judge.quiet.sort((a, b) => a - b);
const at = (share: number) => quiet[Math.floor(quiet.length * share)]?.toFixed(1);
console.log(`${minutesRun.toFixed(1)} minutes`);
console.table(Object.fromEntries([...judge.verdicts].sort()));
console.table(Object.fromEntries(operator.done));
console.table(Object.fromEntries(injected));
console.table(Object.fromEntries(proxies.map(({ name, kept, mostResident }) => [name, {
  "MB of heap": kept.map(({ heap }) => inMb(heap)).join(" "),
  "MB external": kept.map(({ external }) => inMb(external)).join(" "),
  descriptors: kept.map(({ descriptors }) => descriptors).join(" "),
  "most MB resident": inMb(mostResident),
}])));
console.log(`${written} writes acknowledged, ${rows} rows`);
console.log(`${injected.values().reduce((sum, { times }) => sum + times, 0)} faults`);
console.log(`${quiet.length} answers outside faults: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
console.log(`connections of the proxies: at most ${mostConnections}, ${left} in the end`);
console.log(`${judge.violations.length} wrong`);
Deno.exitCode = judge.violations.length === 0 ? 0 : 1;

function connect(url: string, max: number): postgres.Sql {
  const sql = postgres(url, { max, prepare: false, onnotice: () => {} });
  opened.defer(() => sql.end({ timeout: 1 }));
  return sql;
}

/** Asks the proxies that live long enough what they hold, again and again. */
async function collect(): Promise<void> {
  for (let n = 1; n <= COLLECTIONS; n++) {
    while (!hasPassed(n / COLLECTIONS)) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    for (const proxy of [listening, polling]) await proxy.collect();
  }
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
