/**
 * What more workers of `countersign serve` bring: one, two, four, … up to the number of cores, in turn, around an
 * upstream that answers every request alike. Sender and upstream are processes of their own and take their part of
 * the same cores; how much of it is counted too (Linux only).
 *
 * `deno run -A scripts/bench/serve_workers.ts [--rounds N] [--json FILE]`
 */
import { cpus } from "node:os";
import { type SpawnedFunction, spawnServer } from "@countersign/fixture/stage";
import { cpuSeconds } from "./cpu.ts";
import { sendLoad } from "./load.ts";
import { benchOptions } from "./options.ts";
import { publish, report, type Result, result } from "./results/report.ts";
import { BenchStage, ROW } from "./stage.ts";

const CONNECTIONS = 32;
const REQUESTS = 4_000;
/** Enough that every worker has seen the token that is to be known, and has compiled its code. */
const WARM_UP = 2_000;

interface Contender {
  readonly title: string;
  readonly workers: number;
  readonly server: SpawnedFunction;
  readonly token: () => string;
  readonly rounds: Round[];
}

interface Round {
  readonly perSecond: number;
  /** Seconds of processor time for 1,000 requests. */
  readonly serving: number;
  readonly upstream: number;
  readonly sending: number;
  /** Cores' worth of work that the three did together. */
  readonly cores: number;
}

const { rounds, json } = benchOptions(11);
await using opened = new AsyncDisposableStack();
const stage = opened.use(await BenchStage.open());
const upstream = await stage.start("scripts/bench/constant_upstream.ts");
const { sign } = await stage.register("rs256", "RS256");
const seen = await sign();
const fresh: string[] = [];
while (fresh.length < WARM_UP + rounds * REQUESTS) {
  fresh.push(...await Promise.all(Array.from({ length: 64 }, sign)));
}

const contenders: Contender[] = [];
for (let workers = 1; workers <= cpus().length; workers *= 2) {
  const server = opened.use(await startServe(workers));
  // What one process has seen is fresh to another: all of them get the same tokens.
  let next = 0;
  const title = `${workers} worker${workers === 1 ? "" : "s"}`;
  contenders.push(
    { title: `fresh RS256, ${title}`, workers, server, token: () => fresh[next++]!, rounds: [] },
    { title: `token seen before, ${title}`, workers, server, token: () => seen, rounds: [] },
  );
}

for (const contender of contenders) await load(contender, WARM_UP);
for (let round = 0; round < rounds; round++) {
  // Backwards every other time, so that a machine that slows down favours nobody.
  for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
    contender.rounds.push(await measure(contender));
  }
}
await publish(
  report(
    `deno run -A scripts/bench/serve_workers.ts --rounds ${rounds}`,
    contenders.flatMap((contender, i) => [
      ...figures(contender),
      ...(contender.workers === 1 ? [] : [compared(contender, contenders[i % 2]!)]),
    ]),
  ),
  json,
);

async function startServe(workers: number): Promise<SpawnedFunction> {
  const command = ["packages/cli/main.ts", "serve", "--workers", `${workers}`];
  return await spawnServer(Deno.execPath(), ["run", "-A", "--unstable-net", ...command], {
    SUPABASE_URL: stage.target.url,
    COUNTERSIGN_DB_URL: stage.target.databaseUrl,
    COUNTERSIGN_JWT_SECRET: stage.target.jwtSecret,
    COUNTERSIGN_UPSTREAM_URL: upstream.origin,
  });
}

async function load({ server, token }: Contender, requests: number): Promise<number> {
  const to = { origin: server.origin, path: `/rest/v1${ROW}`, token };
  return (await sendLoad(to, CONNECTIONS, requests)).perSecond;
}

async function measure(contender: Contender): Promise<Round> {
  const pids = [contender.server.pid, upstream.pid, Deno.pid];
  const before = await Promise.all(pids.map(cpuSeconds));
  const perSecond = await load(contender, REQUESTS);
  const after = await Promise.all(pids.map(cpuSeconds));
  const [serving = NaN, upstreams = NaN, sending = NaN] = after.map((seconds, i) =>
    (seconds - before[i]!) * 1_000 / REQUESTS
  );
  const cores = (serving + upstreams + sending) * perSecond / 1_000;
  return { perSecond, serving, upstream: upstreams, sending, cores };
}

function figures({ title, rounds }: Contender): Result[] {
  const of = (figure: keyof Round) => rounds.map((round) => round[figure]);
  return [
    result(`${title}: requests`, "/s", "more", of("perSecond")),
    result(`${title}: processor time, serving`, "s/1,000", "less", of("serving")),
    result(`${title}: processor time, upstream`, "s/1,000", "less", of("upstream")),
    result(`${title}: processor time, sending`, "s/1,000", "less", of("sending")),
    result(`${title}: cores busy with all three`, "cores", "more", of("cores")),
  ];
}

/** Ratios of rounds that are neighbours in time. */
function compared({ title, rounds }: Contender, one: Contender): Result {
  const ratios = rounds.map(({ perSecond }, i) => perSecond / one.rounds[i]!.perSecond);
  return result(`${title} / 1 worker: requests`, "×", "more", ratios);
}
