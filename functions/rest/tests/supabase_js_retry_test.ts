/**
 * postgrest-js reads again after a 503, when `Retry-After` says so, and never writes again.
 */
import assert from "node:assert/strict";
import { startLocalTarget } from "@countersign/local-target";
import { getIssuerRecord, registerPublicKey } from "@countersign/registry-admin";
import { createTokenSource, generateIssuerKeyPair } from "@countersign/signer";
import { createJwtSwapProxy, type KeySource } from "@countersign/swap-proxy";
import { createClient } from "@supabase/supabase-js";
import { SCHEMA } from "@countersign/fixture/stage";

Deno.test("an unmodified supabase-js waits for the registry to come back, and reads", async () => {
  await using target = await startLocalTarget({ sql: [SCHEMA], function: false });
  const { privateKey, publicKey } = await generateIssuerKeyPair();
  await registerPublicKey({
    databaseUrl: target.databaseUrl,
    issuer: "warehouse",
    publicKey,
    roles: ["widgets_writer"],
  });
  const record = await getIssuerRecord({ databaseUrl: target.databaseUrl }, "warehouse");

  let outages = 0;
  const keySource: KeySource = {
    find: () => outages-- > 0 ? Promise.reject(new Error("no registry")) : record,
  };
  const handler = createJwtSwapProxy({
    supabaseUrl: target.url,
    upstreamUrl: target.postgrestUrl,
    supabaseJwtSecret: target.jwtSecret,
    keySource,
  });
  const statuses: number[] = [];
  const client = createClient(target.functionsUrl, target.publishableKey, {
    accessToken: createTokenSource({
      privateKey,
      issuer: "warehouse",
      audience: target.url,
      claims: { sub: "press-1", role: "widgets_writer" },
    }),
    global: {
      fetch: async (input, init) => {
        const response = await handler(new Request(input, init));
        statuses.push(response.status);
        return response;
      },
    },
  });

  outages = 1;
  const read = await client.from("widgets").select("name");
  assert.deepEqual([read.error, read.data, statuses], [null, [], [503, 200]]);

  statuses.length = 0;
  outages = 1;
  const write = await client.from("widgets").insert({ name: "once" });
  assert.deepEqual([write.error?.code, statuses], ["registry_unavailable", [503]]);

  const rows = await client.from("widgets").select("name");
  assert.deepEqual(rows.data, [], "a refused write must not have written");
});
