/**
 * Whether a job without a key costs more than an issuer with one: the same request through the function, with a token
 * that it has seen before, of a registered issuer and of a provider.
 *
 * `deno run -A scripts/bench/federation/main.ts [--rounds N] [--json FILE]`
 */
import { addProvider, addRule } from "@countersign/registry-admin";
import { makeProvider } from "@countersign/fixture/federation";
import { benchOptions } from "../options.ts";
import { type Contender, Race } from "../race.ts";
import { publish, report } from "../results/report.ts";
import { BenchStage, ROLE, ROW } from "../stage.ts";

const COURSES = [{ connections: 1, requests: 400 }, { connections: 16, requests: 3_000 }];

const { rounds, json } = benchOptions(11);
await using stage = await BenchStage.open();
const { url: audience, databaseUrl } = stage.target;
const registry = { databaseUrl };
const upstream = await stage.start("scripts/bench/constant_upstream.ts");
const { sign } = await stage.register("warehouse", "RS256");
const { jwk, forge, record: { provider } } = await makeProvider("https://ci.example.com");
await addProvider(registry, { issuer: provider, keysFrom: "jwks", jwks: { keys: [jwk] } });
await addRule(registry, {
  name: "press",
  provider,
  issuer: "warehouse",
  audiences: [audience],
  conditions: { repository_id: "74", repository_owner_id: "65" },
  subject: "gh:{repository_id}",
  role: ROLE,
});
const own = await sign();
const ids = { repository_id: "74", repository_owner_id: "65" };
const exp = Math.floor(Date.now() / 1000) + 3_600;
const foreign = forge.token({ claims: { aud: audience, sub: "repo:acme/press", exp, ...ids } });

const countersign = await stage.startFunction(upstream.origin);
const seenBefore = (name: string, token: string): Contender => ({
  ...countersign,
  name,
  path: `/rest/v1${ROW}`,
  token: () => token,
});
const registered = seenBefore("registered, seen before", own);
const federated = seenBefore("federated, seen before", foreign);

const race = await Race.run([registered, federated], COURSES, rounds);
await publish(
  report(
    `deno run -A scripts/bench/federation/main.ts --rounds ${rounds}`,
    COURSES.flatMap((course) => [
      ...race.results(registered, course),
      ...race.results(federated, course),
      ...race.compared(federated, registered, course),
    ]),
  ),
  json,
);
