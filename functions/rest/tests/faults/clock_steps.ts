import assert from "node:assert/strict";
import { registerPublicKey, revokeKey } from "@countersign/registry-admin";
import {
  connectPostgres,
  createJwtSwapProxy,
  hs256Signer,
  postgresKeySource,
} from "@countersign/swap-proxy";
import { keyFor, TokenForge, verdict } from "@countersign/fixture";
import { type Fault, GET, type Scene } from "./fault.ts";

const HOUR = 3_600_000;

/** The wall clock decides about tokens, the steady one about the registry: each is stepped alone. */
export const CLOCK_STEPS: Fault = {
  name: "the clock steps back and forward",
  async run(scene) {
    const { stage } = scene;
    await using steered = steer(scene);
    const { clocks, ask } = steered;
    const seen = stage.billing.token();
    assert.equal(await ask(seen), "200");

    clocks.wall = HOUR;
    assert.equal(await ask(seen), "401 token_expired", "also when the token was seen before");
    clocks.wall = -HOUR;
    assert.equal(await ask(seen), "401 token_not_yet_valid");
    const forged = stage.billing.token({ signature: () => new Uint8Array(64).fill(7) });
    assert.equal(await ask(forged), "401 token_refused");
    clocks.wall = 0;
    assert.equal(await ask(seen), "200");

    // A machine that slept: what was known before says nothing about now.
    const key = await keyFor("asleep");
    await registerPublicKey({ sql: stage.sql, ...key, roles: ["invoices_writer"] });
    const claims = { sub: "press-1", role: "invoices_writer", aud: stage.target.url };
    const token = new TokenForge(key, claims).token();
    clocks.steady += HOUR;
    assert.equal(await ask(token), "200");
    await revokeKey({ sql: stage.sql }, key.kid);
    assert.equal(await ask(token), "200", "no LISTEN, so the revocation is not known yet");
    clocks.steady += HOUR;
    assert.equal(await ask(token), "401 token_refused");
    assert.equal(await ask(seen), "200");
  },
};

/** A handler on the real registry and the real PostgREST, whose clocks this test sets. */
function steer({ stage }: Scene) {
  const clocks = { wall: 0, steady: 0 };
  const client = connectPostgres(stage.target.databaseUrl, { listen: false });
  const keySource = postgresKeySource(client, {
    maxStaleness: 60_000,
    now: () => performance.now() + clocks.steady,
  });
  const handler = createJwtSwapProxy({
    supabaseUrl: stage.target.url,
    upstreamUrl: stage.target.postgrestUrl,
    signer: hs256Signer(stage.target.jwtSecret),
    keySource,
    now: () => Date.now() + clocks.wall,
  });
  return {
    clocks,
    async ask(token: string) {
      const response = await handler(
        new Request(`http://function.internal${GET.path}`, {
          headers: { authorization: `Bearer ${token}` },
        }),
      );
      return verdict({ status: response.status, text: await response.text() });
    },
    async [Symbol.asyncDispose]() {
      await keySource.close();
      await client.end();
    },
  };
}
