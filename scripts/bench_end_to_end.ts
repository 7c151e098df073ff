/**
 * What Countersign costs a request, on real Postgres and PostgREST over real HTTP.
 *
 * Four ways to one row, in one run, interleaved in rounds so that whatever else the machine does
 * hits all of them: PostgREST itself; a bare pass-through proxy; Countersign with a token that it
 * has seen; Countersign with a token that is new on every request. Proxies are processes of their
 * own and talk to PostgREST directly.
 *
 * `deno run -A scripts/bench_end_to_end.ts [--rounds N] [--json FILE]`
 */
import { parseArgs } from "node:util";
import { cpus } from "node:os";
import { startLocalTarget } from "@countersign/local-target";
import { registerPublicKey } from "@countersign/registry-admin";
import { createTokenSource, generateIssuerKeyPair } from "@countersign/signer";
import { HttpConnection } from "../functions/rest/tests/http_connection.ts";
import { ownProcess, spawnServer } from "../functions/rest/tests/hosts.ts";
import { downstreamToken } from "../functions/rest/tests/token_forge.ts";

const CONNECTIONS = [1, 16] as const;
const REQUESTS = { 1: 300, 16: 1_600 } as const;
const WARM_UP = 400;

const SCHEMA = `
create table public.widgets (
  id bigint generated always as identity primary key,
  name text not null,
  owner_issuer text not null default countersign.issuer()
);
alter table public.widgets enable row level security;
select countersign.create_writer_role('widgets_writer');
grant select on public.widgets to widgets_writer;
create policy own on public.widgets to widgets_writer using (countersign.is_issuer(owner_issuer));
insert into public.widgets (name, owner_issuer) values ('sprocket', 'warehouse');
`;

interface Contender {
  readonly name: string;
  readonly origin: string;
  readonly path: string;
  readonly token: () => string;
}

interface Figures {
  readonly contender: string;
  readonly connections: number;
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
}

interface Samples {
  readonly latencies: number[];
  seconds: number;
}

const { values: options } = parseArgs({
  args: Deno.args,
  options: { rounds: { type: "string", default: "6" }, json: { type: "string" } },
});
const rounds = Number(options.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1) {
  console.error('Option "--rounds" is not valid, expected a whole number from 1 on');
  Deno.exit(2);
}

const figures = await measure();
const report = {
  command: `deno run -A scripts/bench_end_to_end.ts --rounds ${rounds}`,
  machine: { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, os: Deno.build.target },
  versions: { deno: Deno.version.deno, postgres: "17", postgrest: "12.0.2" },
  request: "GET one row by its primary key, under Row Level Security; RS256 with 2048 bits",
  figures,
};
print(report);
if (options.json !== undefined) {
  await Deno.writeTextFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
}

async function measure(): Promise<Figures[]> {
  await using opened = new AsyncDisposableStack();
  const target = opened.use(await startLocalTarget({ function: false, sql: [SCHEMA] }));
  const { privateKey, publicKey, kid } = await generateIssuerKeyPair();
  await registerPublicKey({
    databaseUrl: target.databaseUrl,
    issuer: "warehouse",
    publicKey,
    roles: ["widgets_writer"],
    maxTokenLifetime: 3_600,
  });
  const claims = { sub: "press-1", role: "widgets_writer" };
  const sign = createTokenSource({
    privateKey,
    issuer: "warehouse",
    audience: target.url,
    claims,
    expiresIn: "1h",
  });
  const countersign = opened.use(
    await ownProcess.start({
      SUPABASE_URL: target.url,
      SUPABASE_DB_URL: target.databaseUrl,
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: target.publishableKey }),
      COUNTERSIGN_JWT_SECRET: target.jwtSecret,
      COUNTERSIGN_UPSTREAM_URL: target.postgrestUrl,
    }),
  );
  const bare = opened.use(
    await spawnServer(Deno.execPath(), [
      "run",
      "-A",
      "scripts/bench_bare_proxy.ts",
      target.postgrestUrl,
    ], {}),
  );

  const perRound = CONNECTIONS.reduce((sum, connections) => sum + REQUESTS[connections], 0);
  const fresh: string[] = [];
  while (fresh.length < perRound * rounds + WARM_UP) {
    fresh.push(...await Promise.all(Array.from({ length: 64 }, sign)));
  }
  const seen = await sign();
  const iat = Math.floor(Date.now() / 1000);
  const downstream = downstreamToken(
    { iss: "warehouse", ...claims, iat, exp: iat + 3_600, countersign: { kid } },
    target.jwtSecret,
  );

  const row = "/widgets?id=eq.1&select=id,name";
  const contenders: Contender[] = [
    { name: "PostgREST, direct", origin: target.postgrestUrl, path: row, token: () => downstream },
    { name: "bare proxy", origin: bare.origin, path: row, token: () => downstream },
    {
      name: "Countersign, token seen before",
      origin: countersign.origin,
      path: `/rest/v1${row}`,
      token: () => seen,
    },
    {
      name: "Countersign, fresh token",
      origin: countersign.origin,
      path: `/rest/v1${row}`,
      token: () => fresh.pop()!,
    },
  ];
  for (const contender of contenders) {
    await load(contender, 4, WARM_UP, { latencies: [], seconds: 0 });
  }

  const samples = new Map<string, Samples>();
  for (let round = 0; round < rounds; round++) {
    for (const connections of CONNECTIONS) {
      for (const contender of contenders) {
        const key = `${contender.name}|${connections}`;
        const into = samples.get(key) ?? { latencies: [], seconds: 0 };
        samples.set(key, into);
        await load(contender, connections, REQUESTS[connections], into);
      }
    }
  }
  return CONNECTIONS.flatMap((connections) =>
    contenders.map(({ name }) => summary(name, connections, samples.get(`${name}|${connections}`)!))
  );
}

/**
 * Sends `requests` requests over `connections` keep-alive connections, each one after the other.
 */
async function load(
  { origin, path, token }: Contender,
  connections: number,
  requests: number,
  into: Samples,
): Promise<void> {
  let left = requests;
  const client = async () => {
    using connection = await HttpConnection.open(origin);
    while (left-- > 0) {
      const request =
        `GET ${path} HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\nAuthorization: Bearer ${token()}\r\n\r\n`;
      const started = performance.now();
      const answer = await connection.send(request);
      into.latencies.push(performance.now() - started);
      if (answer.status !== 200) throw new Error(`Expected 200, got ${answer.wire}`);
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: connections }, client));
  into.seconds += (performance.now() - started) / 1000;
}

function summary(contender: string, connections: number, { latencies, seconds }: Samples): Figures {
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)]!;
  return {
    contender,
    connections,
    requests: latencies.length,
    p50Ms: round(at(0.5)),
    p99Ms: round(at(0.99)),
    perSecond: Math.round(latencies.length / seconds),
  };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function print({ machine, versions, request, figures }: typeof report): void {
  console.log(`\nEnd to end: ${request}`);
  console.log(`${machine.cores} cores (${machine.cpu}), ${machine.os}, Deno ${versions.deno}`);
  for (const connections of CONNECTIONS) {
    const rows = figures.filter((figure) => figure.connections === connections);
    const [direct, bare] = rows;
    console.log(`\n${connections} connection${connections === 1 ? "" : "s"}`);
    console.log(line("", "p50 ms", "p99 ms", "req/s", "p50 / direct", "p50 / bare"));
    for (const { contender, p50Ms, p99Ms, perSecond } of rows) {
      console.log(line(
        contender,
        p50Ms.toFixed(2),
        p99Ms.toFixed(2),
        String(perSecond),
        (p50Ms / direct!.p50Ms).toFixed(2),
        (p50Ms / bare!.p50Ms).toFixed(2),
      ));
    }
  }
}

function line(name: string, ...cells: string[]): string {
  return `  ${name.padEnd(32)}${cells.map((cell) => cell.padStart(14)).join("")}`;
}
