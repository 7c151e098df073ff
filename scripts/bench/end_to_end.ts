/**
 * What Countersign costs a request, on real Postgres and PostgREST over real HTTP: PostgREST itself, a bare `fetch`
 * proxy, and the function with a token that it has seen and with tokens that are new.
 *
 * `deno run -A scripts/bench/end_to_end.ts [--rounds N] [--json FILE]`
 */
import { downstreamToken } from "@countersign/fixture";
import { benchOptions } from "./options.ts";
import { type Contender, Race, tokensNeeded } from "./race.ts";
import { publish, report } from "./results/report.ts";
import { BenchStage, ROLE, ROW, supplyOf } from "./stage.ts";

const COURSES = [{ connections: 1, requests: 300 }, { connections: 16, requests: 1_600 }];

const { rounds, json } = benchOptions(7);
await using stage = await BenchStage.open();
const { postgrestUrl, jwtSecret } = stage.target;
const warehouse = await stage.register("warehouse", "RS256");
const seen = await warehouse.sign();
const fresh = await supplyOf(warehouse.sign, tokensNeeded(COURSES, rounds));
const iat = Math.floor(Date.now() / 1000);
const { kid } = warehouse;
const downstream = downstreamToken(
  { iss: "warehouse", sub: "press-1", role: ROLE, iat, exp: iat + 3_600, countersign: { kid } },
  jwtSecret,
);

const countersign = await stage.startFunction(postgrestUrl);
const path = `/rest/v1${ROW}`;
const direct: Contender = {
  origin: postgrestUrl,
  name: "PostgREST, direct",
  path: ROW,
  token: () => downstream,
};
const bare: Contender = {
  ...await stage.start("scripts/bench/bare_proxy.ts", [postgrestUrl]),
  name: "bare fetch proxy",
  path: ROW,
  token: () => downstream,
};
const seenBefore: Contender = {
  ...countersign,
  name: "token seen before",
  path,
  token: () => seen,
};
const freshRsa: Contender = { ...countersign, name: "fresh RS256", path, token: fresh };

const contenders = [direct, bare, seenBefore, freshRsa];
const race = await Race.run(contenders, COURSES, rounds);
await publish(
  report(
    `deno run -A scripts/bench/end_to_end.ts --rounds ${rounds}`,
    COURSES.flatMap((course) => [
      ...contenders.flatMap((contender) => race.results(contender, course)),
      ...contenders.slice(1).flatMap((contender) => race.compared(contender, direct, course)),
      ...contenders.slice(2).flatMap((contender) => race.compared(contender, bare, course)),
    ]),
  ),
  json,
);
