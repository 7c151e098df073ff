/**
 * Whether an exchanged token costs PostgREST anything: the same row, straight from PostgREST with the guard on, with an
 * exchanged token and with one of PostgREST's own that no issuer has.
 *
 * `deno run -A scripts/bench/exchange/main.ts [--rounds N] [--json FILE]`
 */
import postgres from "postgres";
import { createTokenSource } from "@countersign/signer";
import { downstreamToken } from "@countersign/fixture";
import { benchOptions } from "../options.ts";
import { type Contender, Race } from "../race.ts";
import { publish, report } from "../results/report.ts";
import { BenchStage, ROLE, ROW } from "../stage.ts";

const COURSES = [{ connections: 1, requests: 300 }, { connections: 16, requests: 1_600 }];
/** The longest that there is. */
const LIFETIME = "15 minutes";

const { rounds, json } = benchOptions(7);
await using stage = await BenchStage.open();
const { postgrestUrl, jwtSecret, databaseUrl } = stage.target;
const { sign } = await stage.register("warehouse", "RS256");
const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
await sql`update public.jwt_issuers set max_exchange_lifetime = ${LIFETIME}::interval`;
await sql.unsafe(
  `create policy ours on public.widgets to ${ROLE} using (countersign.claims() is null)`,
);
await sql`select countersign.guard_enable()`;
await sql.end();
await stage.target.postgrest.restart();

const { origin } = await stage.startFunction(postgrestUrl);
const exchanged = await createTokenSource({ oidc: sign, exchange: `${origin}/rest` })();
const exp = Math.floor(Date.now() / 1000) + 3_600;
const own = downstreamToken({ sub: "press-1", role: ROLE, exp }, jwtSecret);
const withToken = (name: string, token: string): Contender => ({
  origin: postgrestUrl,
  name,
  path: ROW,
  token: () => token,
});
const ofPostgrest = withToken("PostgREST's own token", own);
const ofIssuer = withToken("exchanged token", exchanged);

const race = await Race.run([ofPostgrest, ofIssuer], COURSES, rounds);
await publish(
  report(
    `deno run -A scripts/bench/exchange/main.ts --rounds ${rounds}`,
    COURSES.flatMap((course) => [
      ...race.results(ofPostgrest, course),
      ...race.results(ofIssuer, course),
      ...race.compared(ofIssuer, ofPostgrest, course),
    ]),
  ),
  json,
);
