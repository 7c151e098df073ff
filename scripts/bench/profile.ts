/**
 * Where the function's time goes, with tokens seen before and with new ones, in front of an upstream that answers
 * every request alike: shares of the time in which its thread was busy.
 *
 * `deno run -A scripts/bench/profile.ts [--rounds N] [--json FILE]`
 */
import { until } from "@countersign/fixture";
import { sendLoad } from "./load.ts";
import { benchOptions } from "./options.ts";
import type { Frame, Profile } from "./profiled_function.ts";
import { publish, report, type Result, result } from "./results/report.ts";
import { BenchStage, ROW, supplyOf } from "./stage.ts";

const CONNECTIONS = 16;
const WARM_UP = 3_000;
/** So few that the tokens can be made beforehand, so many that they last for a profile. */
const REQUESTS = { "token seen before": 45_000, "fresh RS256": 16_000 };
type Case = keyof typeof REQUESTS;

const { rounds, json } = benchOptions(3);
await using stage = await BenchStage.open();
const upstream = await stage.start("scripts/bench/constant_upstream.ts");
const issuer = await stage.register("warehouse", "RS256");
const seen = await issuer.sign();
const proxy = await stage.startFunction(upstream.origin, "scripts/bench/profiled_function.ts");
const target = { origin: proxy.origin, path: `/rest/v1${ROW}` };
await sendLoad({ ...target, token: () => seen }, CONNECTIONS, WARM_UP);

const results: Result[] = [];
for (const name of Object.keys(REQUESTS) as Case[]) {
  const shares = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    const token = name === "fresh RS256" ? await supplyOf(issuer.sign, REQUESTS[name]) : () => seen;
    for (const [place, share] of sharesOf(await profileUnder(token, REQUESTS[name]))) {
      shares.set(place, [...shares.get(place) ?? [], share]);
    }
  }
  results.push(
    ...[...shares].map(([place, samples]) => result(`${name}: ${place}`, "%", "less", samples))
      .sort((a, b) => b.value - a.value),
  );
}
await publish(report(`deno run -A scripts/bench/profile.ts --rounds ${rounds}`, results), json);

async function profileUnder(token: () => string, requests: number): Promise<Profile> {
  const before = proxy.printed().length;
  const printed = () => /^profile (.*)\n/m.exec(proxy.printed().slice(before))?.[1];
  Deno.kill(proxy.pid, "SIGUSR2");
  await sendLoad({ ...target, token }, CONNECTIONS, requests);
  await until("the profile is there", () => printed() !== undefined);
  const profile: Profile = JSON.parse(printed()!);
  return profile;
}

/** Per cent of the busy time, by place. */
function sharesOf(profile: Profile): Map<string, number> {
  const busy = profile.filter(([{ functionName, url }]) =>
    functionName !== "(idle)" && !url.includes("inspector")
  );
  const total = busy.reduce((sum, [, micros]) => sum + micros, 0);
  const shares = new Map<string, number>();
  for (const [frame, micros] of busy) {
    const place = placeOf(frame);
    shares.set(place, (shares.get(place) ?? 0) + 100 * micros / total);
  }
  return shares;
}

function placeOf({ functionName, url }: Frame): string {
  if (functionName === "(garbage collector)") return "collecting garbage";
  const ours = /\/packages\/([a-z-]+)\//.exec(url)?.[1];
  if (ours !== undefined) return `Countersign's ${ours}`;
  if (url.includes("/node_modules/")) return "postgres.js";
  if (url === "" && ["verify", "sign"].includes(functionName)) return `WebCrypto's ${functionName}`;
  if (url.includes("deno_crypto")) return "WebCrypto, around them";
  return "Deno's HTTP server, fetch, streams and event loop";
}
