/**
 * What nginx gains in front of the function, around an upstream that answers every request alike: plain nginx, the
 * function, and nginx as the how-to configures it, with and without verdicts that it may keep. Needs nginx and wrk.
 *
 * `deno run -A scripts/bench/gateway/main.ts [--rounds N] [--json FILE]`
 */
import { cpuSeconds } from "../cpu.ts";
import { benchOptions } from "../options.ts";
import { publish, report, type Result, result } from "../results/report.ts";
import { BenchStage, ROW } from "../stage.ts";
import { startConstantUpstream, startGateway, startPlainProxy } from "./nginx.ts";
import { sendWrk, type WrkLoad } from "./wrk.ts";

const SECONDS = 2;
const WARM_UP = 2;
const COURSES = [1, 16];
const SECRET = "the-gateway-and-the-function-know-it";

const { rounds, json } = benchOptions(11);
await using opened = new AsyncDisposableStack();
const stage = opened.use(await BenchStage.open());
const upstream = await startConstantUpstream(opened);
const { sign } = await stage.register("rs256", "RS256");
const token = await sign();

const functionWith = (maxStaleness: string) =>
  stage.startFunction(upstream.origin, undefined, {
    COUNTERSIGN_GATEWAY_SECRET: SECRET,
    COUNTERSIGN_MAX_STALENESS: maxStaleness,
  });
const gatewayOf = (functionOrigin: string) =>
  startGateway(opened, {
    secret: SECRET,
    functionOrigins: [functionOrigin],
    upstreamUrl: upstream.origin,
    apikey: "",
    timeout: "60s",
  });

const plain = await startPlainProxy(opened, upstream.origin);
const keeping = await functionWith("5s");
const forgetting = await functionWith("1s");
const kept = await gatewayOf(keeping.origin);
const notKept = await gatewayOf(forgetting.origin);
const contenders = {
  "plain nginx": { origin: plain.origin, pids: [plain.pid] },
  "the function": { origin: keeping.origin, pids: [keeping.pid] },
  "nginx, verdicts kept": { origin: kept.origin, pids: [kept.pid, keeping.pid] },
  "nginx, no verdict kept": { origin: notKept.origin, pids: [notKept.pid, forgetting.pid] },
};
type Name = keyof typeof contenders;
/** What it took, with the processor time of everything between wrk and the upstream. */
type Round = WrkLoad & { readonly cpu: number };
const names = Object.keys(contenders) as Name[];
const samples = new Map<string, Round[]>();

for (const name of names) await run(name, 16, WARM_UP);
for (let round = 0; round < rounds; round++) {
  for (const connections of COURSES) {
    // Backwards every other time, so that a machine that slows down favours nobody.
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      of(name, connections).push(await run(name, connections, SECONDS));
    }
  }
}
await publish(
  report(
    `deno run -A scripts/bench/gateway/main.ts --rounds ${rounds}`,
    COURSES.flatMap((connections) => [
      ...names.flatMap((name) => figures(name, connections)),
      ...compared("nginx, verdicts kept", "plain nginx", connections),
      ...compared("nginx, verdicts kept", "the function", connections),
      ...compared("nginx, no verdict kept", "the function", connections),
      ...compared("the function", "plain nginx", connections),
    ]),
  ),
  json,
);

async function run(name: Name, connections: number, seconds: number): Promise<Round> {
  const { origin, pids } = contenders[name];
  const used = async () => {
    const each = await Promise.all(pids.map(cpuSeconds));
    return each.reduce((sum, seconds) => sum + seconds, 0);
  };
  const before = await used();
  const load = await sendWrk({ url: `${origin}/rest/v1${ROW}`, token }, connections, seconds);
  return { ...load, cpu: (await used() - before) * 1e6 / load.requests };
}

function of(name: Name, connections: number): Round[] {
  const key = `${connections} ${name}`;
  const found = samples.get(key) ?? [];
  samples.set(key, found);
  return found;
}

function title(connections: number): string {
  return `${connections} connection${connections === 1 ? "" : "s"}`;
}

function figures(name: Name, connections: number): Result[] {
  const what = `${title(connections)}: ${name}`;
  const each = (figure: keyof Round) => of(name, connections).map((round) => round[figure]);
  return [
    result(`${what}, requests`, "/s", "more", each("perSecond")),
    result(`${what}, p50`, "ms", "less", each("p50")),
    result(`${what}, processor time`, "µs", "less", each("cpu")),
  ];
}

/** Ratios of rounds that are neighbours in time. */
function compared(name: Name, other: Name, connections: number): Result[] {
  const others = of(other, connections);
  const each = (compare: (ours: Round, theirs: Round) => number) =>
    of(name, connections).map((round, i) => compare(round, others[i]!));
  const what = `${title(connections)}: ${name} / ${other}`;
  return [
    result(`${what}, requests`, "×", "more", each((a, b) => a.perSecond / b.perSecond)),
    result(`${what}, p50 added`, "ms", "less", each((a, b) => a.p50 - b.p50)),
    result(`${what}, processor time`, "×", "less", each((a, b) => a.cpu / b.cpu)),
  ];
}
