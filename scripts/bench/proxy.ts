/**
 * What the function adds to a request, around an upstream that answers every request alike: against a bare `fetch`
 * proxy, and against the smallest handler that verifies and signs; with and without OpenTelemetry.
 *
 * `deno run -A scripts/bench/proxy.ts [--rounds N] [--json FILE]`
 */
import { benchOptions } from "./options.ts";
import { type Contender, Race, tokensNeeded } from "./race.ts";
import { publish, report } from "./results/report.ts";
import { BenchStage, ROW, supplyOf } from "./stage.ts";

const COURSES = [{ connections: 1, requests: 400 }, { connections: 16, requests: 3_000 }];

const { rounds, json } = benchOptions(11);
await using stage = await BenchStage.open();
const upstream = await stage.start("scripts/bench/constant_upstream.ts");
const collector = await stage.start("scripts/bench/constant_upstream.ts");
const telemetry = { OTEL_DENO: "true", OTEL_EXPORTER_OTLP_ENDPOINT: collector.origin };

const rs256 = await stage.register("rs256", "RS256");
const eddsa = await stage.register("eddsa", "EdDSA");
const seen = await rs256.sign();
const perContender = tokensNeeded(COURSES, rounds);
const freshRs256 = await supplyOf(rs256.sign, 2 * perContender);
const freshEdDsa = await supplyOf(eddsa.sign, perContender);

const countersign = await stage.startFunction(upstream.origin);
const observed = await stage.startFunction(upstream.origin, undefined, telemetry);
const path = `/rest/v1${ROW}`;
const token = () => seen;

const bare: Contender = {
  ...await stage.start("scripts/bench/bare_proxy.ts", [upstream.origin]),
  name: "bare fetch proxy",
  path: ROW,
  token,
};
const smallest: Contender = {
  ...await stage.start("scripts/bench/smallest_swap.ts", [
    upstream.origin,
    rs256.publicKey,
    stage.target.jwtSecret,
  ]),
  name: "smallest RS256 verify, HMAC sign and fetch",
  path: ROW,
  token: freshRs256,
};
const bareObserved: Contender = {
  ...await stage.start("scripts/bench/bare_proxy.ts", [upstream.origin], telemetry),
  name: "bare fetch proxy with OTEL_DENO",
  path: ROW,
  token,
};
const seenBefore: Contender = { ...countersign, name: "token seen before", path, token };
const freshRsa: Contender = { ...countersign, name: "fresh RS256", path, token: freshRs256 };
const freshEd: Contender = { ...countersign, name: "fresh EdDSA", path, token: freshEdDsa };
const seenObserved: Contender = {
  ...observed,
  name: "token seen before with OTEL_DENO",
  path,
  token,
};

const contenders = [bare, seenBefore, smallest, freshRsa, freshEd, bareObserved, seenObserved];
const race = await Race.run(contenders, COURSES, rounds);
await publish(
  report(
    `deno run -A scripts/bench/proxy.ts --rounds ${rounds}`,
    COURSES.flatMap((course) => [
      ...contenders.flatMap((contender) => race.results(contender, course)),
      ...race.compared(seenBefore, bare, course),
      ...race.compared(freshRsa, smallest, course),
      ...race.compared(bareObserved, bare, course),
      ...race.compared(seenObserved, bareObserved, course),
    ]),
  ),
  json,
);
