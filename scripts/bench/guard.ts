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
import { publish, report, type Result, result } from "./report.ts";

/** Transactions of each kind in a round. */
const TRANSACTIONS = 1_000;
const ROLE = "bench_writer";
/** Rows to a statement: the issuers of the next size are registered in steps. */
const STEP = 10_000;

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    sizes: { type: "string", default: "10,10000,100000" },
    rounds: { type: "string", default: "5" },
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
  const issuer = `service-${Math.ceil(size / 2)}`;
  const countersigned = await sealedClaims(issuer);
  const foreign = JSON.stringify({ iss: "https://other.example.com", sub: "user-1", role: ROLE });
  const kinds = [
    { name: "select 1", claims: countersigned, statement: "select 1" },
    { name: "foreign", claims: foreign, statement: "select countersign.check_request()" },
    {
      name: "countersigned",
      claims: countersigned,
      statement: "select countersign.check_request()",
    },
  ];
  const url = new URL(target.superuserUrl);
  const client = postgres(url.href, { max: 1, prepare: true, onnotice: () => {} });
  const connection = await client.reserve();
  const medians = new Map<string, number[]>(kinds.map(({ name }) => [name, []]));
  try {
    // The first round warms up.
    for (let round = 0; round <= rounds; round++) {
      const times = new Map<string, number[]>(kinds.map(({ name }) => [name, []]));
      for (let turn = 0; turn < TRANSACTIONS; turn++) {
        for (const { name, claims, statement } of kinds) {
          const start = performance.now();
          await connection.unsafe("begin", [], { prepare: true });
          await connection.unsafe(
            "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)",
            [ROLE, claims],
            { prepare: true },
          );
          await connection.unsafe(statement, [], { prepare: true });
          await connection.unsafe("commit", [], { prepare: true });
          times.get(name)?.push(performance.now() - start);
        }
      }
      if (round === 0) continue;
      for (const [name, all] of times) {
        medians.get(name)?.push(all.sort((a, b) => a - b)[TRANSACTIONS / 2] ?? NaN);
      }
    }
  } finally {
    connection.release();
    await client.end();
  }
  const base = medians.get("select 1") ?? [];
  return ["countersigned", "foreign"].flatMap((name) => {
    const own = medians.get(name) ?? [];
    return [
      result(
        `guard, ${size} issuers: added by a ${name} token`,
        "ms",
        "less",
        own.map((it, at) => it - (base[at] ?? NaN)),
      ),
      result(
        `guard, ${size} issuers: ${name} to select 1`,
        "times",
        "less",
        own.map((it, at) => it / (base[at] ?? NaN)),
      ),
    ];
  });
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
    for (let round = 0; round < rounds * 2; round++) {
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
