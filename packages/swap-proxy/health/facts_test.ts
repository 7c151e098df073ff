import { SECRET, TARGET } from "@countersign/fixture";
import { memoryKeySource, type RegistryIdentity } from "@countersign/verifier";
import assert from "node:assert/strict";
import { createJwtSwapProxy } from "../create_jwt_swap_proxy.ts";
import type { ProxyOptions } from "../options/proxy_options.ts";
import { VERSION } from "../version.ts";

async function facts(
  options: Partial<ProxyOptions> = {},
  identity?: () => Promise<RegistryIdentity>,
): Promise<unknown> {
  const handler = createJwtSwapProxy({
    supabaseUrl: TARGET,
    apikey: "sb_publishable_1",
    supabaseJwtSecret: SECRET,
    keySource: { ...memoryKeySource([]), ...(identity && { identity }) },
    fetch: () => Promise.reject(new TypeError("no network in this test")),
    ...options,
  });
  const response = await handler(new Request("http://x/rest/-/readyz"));
  return (await response.json()).facts;
}

Deno.test("/-/readyz reports release, audience and registry, for an operator to compare", async () => {
  const registry = { database: "0123456789abcdef", version: "7.1" };
  assert.deepEqual(await facts({ audience: ["prod", "other"] }, () => Promise.resolve(registry)), {
    version: VERSION,
    audience: ["prod", "other"],
    issuers_restricted: false,
    registry,
  });
});

Deno.test("/-/readyz names no issuer, and says only that some are left out", async () => {
  const found = await facts({ allowedIssuers: ["billing-of-a-secret-customer"] });
  assert.equal(Reflect.get(Object(found), "issuers_restricted"), true);
  assert(!JSON.stringify(found).includes("billing"));
});

Deno.test("/-/readyz reports no registry where the source cannot tell, or fails", async () => {
  const registry = async (identity?: () => Promise<RegistryIdentity>) =>
    Reflect.get(Object(await facts({}, identity)), "registry");
  assert.equal(await registry(), null);
  assert.equal(await registry(() => Promise.reject(new Error("away"))), null);
});
