/** What a known issuer's request costs, and how soon a new process answers its first one. */
import { connectPostgres, postgresKeySource } from "@countersign/swap-proxy";
import { HttpConnection, requestText } from "@countersign/fixture";
import { ownProcess, spawnServer } from "@countersign/fixture/stage";
import { type BenchIssuer, sign } from "./issuers.ts";
import { type Handler, handlerOn, type ProxyStats } from "./proxy.ts";
import { type Percentiles, percentiles } from "./percentiles.ts";

const URL_OF_ROW = "http://function.internal/rest/v1/widgets";

export interface Proxy extends AsyncDisposable {
  readonly handler: Handler;
}

/** The handler in this process. */
export function openProxy(databaseUrl: string, listen = true): Proxy {
  const client = connectPostgres(databaseUrl, { listen });
  const keySource = postgresKeySource(client);
  return {
    handler: handlerOn(keySource),
    async [Symbol.asyncDispose]() {
      await keySource.close();
      await client.end();
    },
  };
}

/** The status that the handler answers this token with. */
export async function statusFor(handler: Handler, token: string): Promise<number> {
  const response = await handler(
    new Request(URL_OF_ROW, { headers: { authorization: `Bearer ${token}` } }),
  );
  await response.body?.cancel();
  return response.status;
}

export interface Cost {
  /** Microseconds through the handler, over the rounds. */
  readonly seenUs: Percentiles;
  readonly freshUs: Percentiles;
}

const SEEN = 4_000;
const FRESH = 300;

/** Issuers whose requests are timed, whatever the number held. */
const TIMED = 10;

/** The seen and the fresh token's cost on each proxy, interleaved in rounds. */
export async function requestCosts(
  proxies: readonly { readonly handler: Handler; readonly held: readonly BenchIssuer[] }[],
  rounds: number,
): Promise<Cost[]> {
  for (const { handler, held } of proxies) {
    // Together, because reads for names not seen before are rationed.
    for (let from = 0; from < held.length; from += 500) {
      await Promise.all(
        held.slice(from, from + 500).map(async (issuer) =>
          await expectAnswer(handler, await sign(issuer))
        ),
      );
    }
  }
  const samples = proxies.map(() => ({ seen: [] as number[], fresh: [] as number[] }));
  for (let round = 0; round <= rounds; round++) {
    for (const [i, { handler, held }] of proxies.entries()) {
      const issuers = held.filter((_, n) => n % Math.ceil(held.length / TIMED) === 0);
      const seen = await Promise.all(issuers.map(sign));
      for (const token of seen) await expectAnswer(handler, token);
      const seenUs = await timed(SEEN, (n) => expectAnswer(handler, seen[n % seen.length]!));
      const fresh: string[] = [];
      while (fresh.length < FRESH) fresh.push(await sign(issuers[fresh.length % issuers.length]!));
      const freshUs = await timed(FRESH, (n) => expectAnswer(handler, fresh[n]!));
      // The first round warms up.
      if (round === 0) continue;
      samples[i]!.seen.push(seenUs);
      samples[i]!.fresh.push(freshUs);
    }
  }
  return samples.map(({ seen, fresh }) => ({
    seenUs: percentiles(seen),
    freshUs: percentiles(fresh),
  }));
}

/** Microseconds each. */
async function timed(count: number, run: (n: number) => Promise<void>): Promise<number> {
  const started = performance.now();
  for (let n = 0; n < count; n++) await run(n);
  return (performance.now() - started) * 1_000 / count;
}

async function expectAnswer(handler: Handler, token: string): Promise<void> {
  const status = await statusFor(handler, token);
  if (status !== 200) throw new Error(`Expected 200, got ${status}`);
}

/** Milliseconds from the start of the function's process to its first answer to a known issuer. */
export async function coldStarts(
  databaseUrl: string,
  issuer: BenchIssuer,
  trials: number,
): Promise<number[]> {
  const upstream = ["run", "-A", "scripts/bench/constant_upstream.ts"];
  await using constant = await spawnServer(Deno.execPath(), upstream, {});
  const took: number[] = [];
  for (let trial = 0; trial < trials; trial++) {
    const token = await sign(issuer);
    const started = performance.now();
    await using proxy = await ownProcess.start({
      SUPABASE_URL: "http://127.0.0.1",
      SUPABASE_DB_URL: databaseUrl,
      SUPABASE_ANON_KEY: "sb_publishable_bench",
      COUNTERSIGN_JWT_SECRET: "s".repeat(32),
      COUNTERSIGN_UPSTREAM_URL: constant.origin,
    });
    using connection = await HttpConnection.open(proxy.origin);
    const { status } = await connection.send(requestText({ method: "GET" }, token));
    took.push(performance.now() - started);
    if (status !== 200) throw new Error(`Expected 200, got ${status}`);
  }
  return took;
}

/** @param heap MB that V8's old space may take; V8 goes by the machine's memory otherwise. */
export function startProxy(
  databaseUrl: string,
  heap?: number,
): ReturnType<typeof spawnServer> {
  const flags = heap === undefined ? "" : `,--max-old-space-size=${heap}`;
  const args = ["run", "-A", `--v8-flags=--expose-gc${flags}`, "scripts/bench/registry/proxy.ts"];
  return spawnServer(Deno.execPath(), args, { DATABASE_URL: databaseUrl });
}

export async function statsOf(origin: string): Promise<ProxyStats> {
  const stats: ProxyStats = await (await fetch(`${origin}/stats`)).json();
  return stats;
}

/** Memory of a proxy process before and after one request of each issuer. */
export async function memoryAfterTouching(
  databaseUrl: string,
  issuers: readonly BenchIssuer[],
  heap?: number,
): Promise<{ readonly before: ProxyStats; readonly after: ProxyStats; readonly accepted: number }> {
  await using proxy = await startProxy(databaseUrl, heap);
  const before = await statsOf(proxy.origin);
  let next = 0;
  let accepted = 0;
  const client = async () => {
    using connection = await HttpConnection.open(proxy.origin);
    for (let issuer; (issuer = issuers[next++]) !== undefined;) {
      const answer = await connection.send(
        requestText({ method: "GET" }, await sign(issuer)),
      );
      if (answer.status === 200) accepted++;
    }
  };
  await Promise.all(Array.from({ length: Math.min(400, issuers.length) }, client));
  return { before, after: await statsOf(proxy.origin), accepted };
}
