/** A flood of names nobody registered, and what a known issuer notices of it. */
import { Buffer } from "node:buffer";
import { HttpConnection, requestText } from "@countersign/fixture";
import { startProxy, statsOf } from "./cost.ts";
import { type BenchIssuer, sign } from "./issuers.ts";
import { type Percentiles, percentiles } from "./percentiles.ts";
import { probeWhile } from "./probe.ts";

/** Connections of the flood, and its requests a second. */
const CONNECTIONS = 512;
const PER_SECOND = 2_000;

export interface Flood {
  readonly requests: number;
  readonly seconds: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly queriesPerSecond: number;
  readonly rssBefore: number;
  readonly rssAfter: number;
  /** Milliseconds of a known issuer's request on a connection of its own. */
  readonly quiet: Percentiles;
  /** While the same rate of good requests comes in: what load alone does. */
  readonly goodLoad: Percentiles;
  readonly flooded: Percentiles;
}

export async function measureFlood(
  databaseUrl: string,
  known: BenchIssuer,
  requests: number,
): Promise<Flood> {
  await using proxy = await startProxy(databaseUrl);
  const { origin } = proxy;
  const token = await sign(known);
  await load(origin, 4_000, () => token);

  const quiet = await probeWhile(origin, token, () => wait(5_000));
  const goodLoad = await probeWhile(origin, token, () => load(origin, PER_SECOND * 5, () => token));

  const before = await statsOf(origin);
  let seconds = 0;
  let statuses = new Map<string, number>();
  const flooded = await probeWhile(origin, token, async () => {
    const started = performance.now();
    statuses = await load(origin, requests, unknownToken);
    seconds = (performance.now() - started) / 1_000;
  });
  const after = await statsOf(origin);
  return {
    requests,
    seconds: Math.round(seconds * 10) / 10,
    statuses: Object.fromEntries(statuses),
    queriesPerSecond: Math.round((after.queries - before.queries) / seconds * 100) / 100,
    rssBefore: before.rss,
    rssAfter: after.rss,
    quiet: percentiles(quiet),
    goodLoad: percentiles(goodLoad),
    flooded: percentiles(flooded),
  };
}

let unknown = 0;

/** Well-formed up to its signature, from an issuer that nobody has heard of before. */
function unknownToken(): string {
  const iat = Math.floor(Date.now() / 1000);
  const parts = [
    { alg: "EdDSA", typ: "JWT" },
    { iss: `unknown-${unknown++}`, sub: "bench", iat, exp: iat + 60 },
  ].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
  return [...parts, Buffer.alloc(64, 7).toString("base64url")].join(".");
}

/** Sends at a steady rate; counts what is answered. */
async function load(
  origin: string,
  requests: number,
  token: () => string,
): Promise<Map<string, number>> {
  const statuses = new Map<string, number>();
  const started = performance.now();
  let next = 0;
  const client = async () => {
    using connection = await HttpConnection.open(origin);
    while (next < requests) {
      const due = started + next++ * 1_000 / PER_SECOND;
      await wait(due - performance.now());
      const { status } = await connection.send(requestText({ method: "GET" }, token()));
      statuses.set(String(status), (statuses.get(String(status)) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  return statuses;
}

async function wait(milliseconds: number): Promise<void> {
  if (milliseconds > 0) await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
