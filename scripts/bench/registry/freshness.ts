/** How soon a change of the registry is the proxy's answer. */
import type postgres from "postgres";
import { openProxy, statusFor } from "./cost.ts";
import type { Handler } from "./proxy.ts";
import { makeIssuer, register, sign } from "./issuers.ts";
import { type Percentiles, percentiles } from "./percentiles.ts";

/** Proxies side by side: without LISTEN a trial takes seconds, most of them waiting. */
const PROXIES = 10;
const EVERY = 2;

export interface Freshness {
  readonly listen: boolean;
  /** Milliseconds from the commit. */
  readonly registered: Percentiles;
  readonly revoked: Percentiles;
}

export async function measureFreshness(
  databaseUrl: string,
  sql: postgres.Sql,
  listen: boolean,
  trials: number,
): Promise<Freshness> {
  const registered: number[] = [];
  const revoked: number[] = [];
  await Promise.all(
    Array.from({ length: PROXIES }, async (_, at) => {
      await using proxy = openProxy(databaseUrl, listen);
      for (let trial = at; trial < trials; trial += PROXIES) {
        const issuer = await makeIssuer(`fresh-${listen}-${trial}-${crypto.randomUUID()}`);
        const token = await sign(issuer);
        // Asked for before it exists, so that it is remembered as unknown; then at any moment of that memory.
        await statusFor(proxy.handler, token);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 1_000));
        await register(sql, [issuer]);
        registered.push(await timeUntil(proxy.handler, token, 200));
        // Traffic at any moment of the confirmation's period.
        await goOn(proxy.handler, token, Math.random() * 2_500);
        await sql`update public.jwt_public_keys set is_active = false where kid = ${issuer.kid}`;
        revoked.push(await timeUntil(proxy.handler, token, 401));
      }
    }),
  );
  return { listen, registered: percentiles(registered), revoked: percentiles(revoked) };
}

async function timeUntil(handler: Handler, token: string, wanted: number): Promise<number> {
  const started = performance.now();
  while (await statusFor(handler, token) !== wanted) {
    if (performance.now() - started > 15_000) throw new Error(`No ${wanted} within 15 s`);
    await new Promise((resolve) => setTimeout(resolve, EVERY));
  }
  return performance.now() - started;
}

async function goOn(handler: Handler, token: string, milliseconds: number): Promise<void> {
  const until = performance.now() + milliseconds;
  while (performance.now() < until) {
    await statusFor(handler, token);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
