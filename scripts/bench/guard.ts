/**
 * What the guard adds to a request's transaction, and what a change of 10,000 issuers takes.
 *
 * One client with prepared statements runs the transaction that PostgREST runs: with the guard for a countersigned
 * token, with the guard for a foreign one, and with `select 1` in its place, in turn.
 *
 * `deno run -A scripts/bench/guard.ts [--sizes 10,10000,100000] [--rounds N] [--json FILE]`
 */
import { parseArgs } from "node:util";
import { startLocalTarget } from "@countersign/local-target";
import postgres from "postgres";
import { publish, report, type Result, result } from "./results/report.ts";

/** Transactions of each kind in a round, from a client, and again within the server. */
const TRANSACTIONS = 200;
const ROLE = "bench_writer";
/** Rows of one statement that registers issuers. */
const STEP = 10_000;

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    sizes: { type: "string", default: "10,10000,100000" },
    rounds: { type: "string", default: "15" },
    json: { type: "string" },
  },
});
const sizes = options.sizes.split(",").map(Number);
const rounds = Number(options.rounds);
if (![...sizes, rounds].every((n) => Number.isSafeInteger(n) && n > 0)) {
  console.error("Expected whole numbers from 1 on");
  Deno.exit(2);
}

await using opened = new AsyncDisposableStack();
const target = opened.use(
  await startLocalTarget({
    function: false,
    sql: [`select countersign.create_writer_role('${ROLE}')`],
  }),
);
const owner = opened.adopt(
  postgres(target.superuserUrl, { max: 1, onnotice: () => {} }),
  (sql) => sql.end({ timeout: 1 }),
);

const results: Result[] = [];
let registered = 0;
for (const size of sizes) {
  while (registered < size) {
    const to = Math.min(size, registered + STEP);
    await register(registered + 1, to);
    registered = to;
  }
  await owner`analyze`;
  results.push(...await guardCosts(size));
  if (size === STEP) results.push(...await bulkChanges(size));
}
await publish(
  report(`deno run -A scripts/bench/guard.ts --rounds ${rounds}`, results),
  options.json,
);

/** Registers issuers with these numbers, each with a key that nobody holds the private half of. */
async function register(from: number, to: number): Promise<void> {
  await owner`insert into jwt_issuers (issuer, allowed_roles)
    select 'service-' || n, ${[ROLE]} from generate_series(${from}::int, ${to}::int) n`;
  await owner`insert into jwt_public_keys (issuer, public_key, algorithm)
    select 'service-' || n, '-----BEGIN PUBLIC KEY-----' || encode(
      '\\x302a300506032b6570032100'::bytea || sha256(convert_to('service-' || n, 'UTF8')), 'base64'
    ) || '-----END PUBLIC KEY-----', 'EdDSA'
    from generate_series(${from}::int, ${to}::int) n`;
}

async function guardCosts(size: number): Promise<Result[]> {
  const countersigned = await sealedClaims(`service-${Math.ceil(size / 2)}`);
  const foreign = JSON.stringify({ iss: "https://other.example.com", sub: "user-1", role: ROLE });
  const guard = "select countersign.check_request()";
  const kinds = [
    { name: "select 1", claims: countersigned, statement: "select 1" },
    { name: "foreign", claims: foreign, statement: guard },
    { name: "countersigned", claims: countersigned, statement: guard },
  ] as const;
  const client = postgres(target.superuserUrl, { max: 1, prepare: true, onnotice: () => {} });
  const connection = await client.reserve();
  const run = (text: string, values: string[] = []) =>
    connection.unsafe(text, values, { prepare: true });
  const [backend] = await connection<{ pid: number }[]>`select pg_backend_pid() as pid`;
  for (const { name, statement } of kinds) {
    await owner.unsafe(withinServer(name, statement));
  }
  const measured = new Map(kinds.map(({ name }) => [name, { ms: [], cpu: [] } as Samples]));
  try {
    // The first round warms up.
    for (let round = 0; round <= rounds; round++) {
      for (const { name, claims, statement } of kinds) {
        const times: number[] = [];
        for (let turn = 0; turn < TRANSACTIONS; turn++) {
          const start = performance.now();
          await run("begin");
          await run(
            "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)",
            [ROLE, claims],
          );
          await run(statement);
          await run("commit");
          times.push(performance.now() - start);
        }
        const before = processorTime(backend?.pid);
        await run(`call public."${name}"('${claims}', ${TRANSACTIONS})`);
        if (round === 0) continue;
        const { ms = [], cpu = [] } = measured.get(name) ?? {};
        ms.push(times.sort((a, b) => a - b)[TRANSACTIONS / 2] ?? NaN);
        cpu.push((processorTime(backend?.pid) - before) / TRANSACTIONS);
      }
    }
  } finally {
    connection.release();
    await client.end();
  }
  const base = measured.get("select 1");
  return (["countersigned", "foreign"] as const).flatMap((name) => {
    const own = measured.get(name);
    const added = (of: "ms" | "cpu") =>
      (own?.[of] ?? []).map((value, at) => value - (base?.[of][at] ?? NaN));
    const ratio = (own?.ms ?? []).map((value, at) => value / (base?.ms[at] ?? NaN));
    const title = `${size} issuers, ${name}`;
    return [
      result(`${title}: processor time in the server`, "ms", "less", added("cpu")),
      result(`${title}: latency for a client`, "ms", "less", added("ms")),
      result(`${title}: latency, to select 1`, "times", "less", ratio),
    ];
  });
}

interface Samples {
  readonly ms: number[];
  readonly cpu: number[];
}

/** A procedure that runs such transactions without a client, which is the time of the guard and of little else. */
function withinServer(name: string, statement: string): string {
  return `create or replace procedure public."${name}"(claims text, transactions int) language plpgsql as $$
    begin
      for turn in 1..transactions loop
        perform set_config('role', '${ROLE}', true), set_config('request.jwt.claims', claims, true);
        ${statement.replace("select", "perform")};
        commit;
      end loop;
    end $$`;
}

/** Milliseconds for which Linux has run the server's process: what else runs on the machine does not count. */
function processorTime(pid: number | undefined): number {
  const [nanoseconds] = Deno.readTextFileSync(`/proc/${pid}/schedstat`).split(" ");
  return Number(nanoseconds) / 1e6;
}

/** Claims as PostgREST hands them on, with the database's own seal. */
async function sealedClaims(issuer: string): Promise<string> {
  const [row] = await owner<{ claims: string }[]>`
    with unsealed as (
      select jsonb_build_object(
        'iss', k.issuer, 'sub', 'worker-1', 'role', ${ROLE}::text, 'aud', 'authenticated', 'exp', 4102444800,
        'countersign', jsonb_build_object('kid', k.kid, 'iat', extract(epoch from now())::bigint)
      ) as claims
      from jwt_public_keys k where k.issuer = ${issuer}
    )
    select jsonb_set(u.claims, '{countersign,seal}', to_jsonb(s.id || '.' || rtrim(translate(encode(
      sha256(s.outer_pad || sha256(s.inner_pad || convert_to(u.claims::text, 'UTF8'))), 'base64'
    ), '+/', '-_'), '=')))::text as claims
    from unsealed u, countersign.seal_keys s`;
  if (row === undefined) throw new Error("Expected a registered issuer and a key of the seal");
  return row.claims;
}

async function bulkChanges(size: number): Promise<Result[]> {
  const timed = async (change: (on: boolean) => Promise<unknown>) => {
    const seconds = [];
    for (let round = 0; round < 6; round++) {
      const start = performance.now();
      await change(round % 2 === 1);
      seconds.push((performance.now() - start) / 1_000);
    }
    return seconds;
  };
  return [
    result(
      `one UPDATE of ${size} issuers`,
      "s",
      "less",
      await timed((on) =>
        owner`update jwt_issuers set is_active = ${on} where issuer like 'service-%'`
      ),
    ),
    result(
      `one UPDATE of ${size} keys`,
      "s",
      "less",
      await timed((on) =>
        owner`update jwt_public_keys set is_active = ${on} where issuer like 'service-%'`
      ),
    ),
  ];
}
