/** A job's exchanged token straight at PostgREST, until its rule, its provider or its provider's key is ended. */
import assert from "node:assert/strict";
import { payloadOf } from "@countersign/fixture";
import { makeProvider, makeRule } from "@countersign/fixture/federation";
import { type Host, inProcess } from "@countersign/fixture/stage";
import { createJwtSwapProxy, type KeySource, proxyOptionsFromEnv } from "@countersign/swap-proxy";
import { exchanged, openExchangeStage, sendDirect } from "./exchange_stage.ts";

const PROVIDER = "https://ci.example.com";
const AUDIENCE = "https://ref.supabase.co";
const provider = await makeProvider(PROVIDER, { claims: { aud: AUDIENCE, repository_id: "74" } });
const rule = makeRule({ issuer: "warehouse", role: "widgets_writer" });

/** In this process, with the provider in memory, whatever the registry has of it. */
const withProvider: Host = {
  name: "with a provider in memory",
  start(env) {
    const { keySource, ...options } = proxyOptionsFromEnv(env);
    assert.ok(keySource?.sealKey);
    const lines: string[] = [];
    const handler = createJwtSwapProxy({
      ...options,
      keySource: {
        find: (issuer) => keySource.find(issuer),
        findProvider: (name) =>
          name === PROVIDER ? { ...provider.record, rules: [rule] } : undefined,
        sealKey: () => keySource.sealKey?.(),
      } satisfies KeySource,
      onEvent: (event) => lines.push(JSON.stringify(event)),
    });
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
    return Promise.resolve({
      ...inProcess,
      origin: `http://127.0.0.1:${server.addr.port}`,
      printed: () => lines.join("\n"),
      logsAll: true,
      async [Symbol.asyncDispose]() {
        await server.shutdown();
        await options.close();
      },
    });
  },
};

Deno.test("a job's exchanged token ends with its rule, its provider and its provider's key", async (t) => {
  await using stage = await openExchangeStage(withProvider);
  await stage.sql.unsafe(`
    insert into jwt_oidc_providers (issuer, keys_from, jwks)
    values ('${PROVIDER}', 'jwks', '${JSON.stringify({ keys: [provider.jwk] })}');
    insert into jwt_federation_rules (name, provider, issuer, audiences, conditions, subject, role)
    values ('deploy', '${PROVIDER}', 'warehouse', '{${AUDIENCE}}', '{"repository_id": "74"}',
      'gh:{repository_id}', 'widgets_writer')`);
  const held = await exchanged(stage, provider.forge.token());
  const own = await exchanged(stage, stage.warehouse.token());
  const { kid, rule } = payloadOf(held)["countersign"] as Record<string, string>;
  assert.equal(rule, "deploy");
  const statuses = async () => [
    (await sendDirect(stage, held)).status,
    (await sendDirect(stage, own)).status,
  ];

  const CHANGES: [string, string, string][] = [
    [
      "the rule",
      "update jwt_federation_rules set is_active = false where name = 'deploy'",
      "update jwt_federation_rules set is_active = true where name = 'deploy'",
    ],
    [
      "the provider",
      `update jwt_oidc_providers set is_active = false where issuer = '${PROVIDER}'`,
      `update jwt_oidc_providers set is_active = true where issuer = '${PROVIDER}'`,
    ],
    [
      "the provider's key",
      `insert into jwt_revoked_provider_keys (provider, kid) values ('${PROVIDER}', '${kid}')`,
      `delete from jwt_revoked_provider_keys where provider = '${PROVIDER}'`,
    ],
  ];
  for (const [what, end, restore] of CHANGES) {
    await t.step(what, async () => {
      assert.deepEqual(await statuses(), [201, 201]);
      await stage.sql.unsafe(end);
      assert.deepEqual(await statuses(), [401, 201]);
      await stage.sql.unsafe(restore);
      assert.deepEqual(await statuses(), [201, 201]);
    });
  }
});
