import assert from "node:assert/strict";
import { registerPublicKey, revokeKey } from "@countersign/registry-admin";
import { MAX_STALENESS } from "@countersign/fixture/stage";
import { keyFor, TokenForge, until, verdict } from "@countersign/fixture";
import { type Fault, GET, type Scene } from "./fault.ts";

/** A second, and what a busy machine adds. */
const SOON = 2_000;

/** No packet says that the connection is gone: it has to be asked. */
export const LISTEN_CUT: Fault = {
  name: "the LISTEN connection is cut silently",
  async run(scene) {
    const { registry } = scene.stage;
    const roles = ["invoices_writer"];
    const keys = await Promise.all([0, 1, 2].map((n) => keyFor(`listen-cut-${n}`)));
    for (const key of keys) await registerPublicKey({ sql: scene.stage.sql, ...key, roles });

    // The twin: with the connection whole a revocation is seen far within the staleness.
    const whole = await revoked(scene, keys[0]!);
    assert.ok(whole < MAX_STALENESS * 500, `${whole} ms`);

    const before = await listeners(scene);
    registry.silenceListeners();
    const cut = performance.now();
    const [silent] = await Promise.all([
      revoked(scene, keys[1]!),
      until("it listens again", async () => {
        const now = await listeners(scene);
        return now.filter((pid) => !before.includes(pid)).length >= before.length;
      }).then(() => scene.recovered.set(this.name, Math.round(performance.now() - cut))),
    ]);
    assert.ok(silent <= MAX_STALENESS * 1_000 + 500, `${silent} ms without LISTEN`);
    scene.recovered.set(`${this.name}: revocation refused meanwhile`, silent);
    assert.ok(scene.recovered.get(this.name)! < SOON, "it listens again late");
    const again = await revoked(scene, keys[2]!);
    assert.ok(again < MAX_STALENESS * 500, `${again} ms after it listens again`);
    scene.recovered.set(`${this.name}: revocation refused, listening again`, again);
  },
};

async function listeners({ stage }: Scene): Promise<number[]> {
  const rows = await stage.sql<{ pid: number }[]>`
    select pid from pg_stat_activity
    where application_name = 'countersign' and query ilike 'listen%'`;
  return rows.map(({ pid }) => pid);
}

/** Milliseconds from a key's revocation to the first refusal. */
async function revoked(
  { stage, function: { origin } }: Scene,
  key: Awaited<ReturnType<typeof keyFor>>,
): Promise<number> {
  const claims = { sub: "press-1", role: "invoices_writer", aud: stage.target.url };
  const forge = new TokenForge(key, claims);
  const ask = async () => verdict(await stage.send({ ...GET, token: forge.token() }, origin));
  await until("the new key is accepted", async () => await ask() === "200");
  await revokeKey({ sql: stage.sql }, key.kid);
  const started = performance.now();
  await until("the revoked key is refused", async () => await ask() === "401 token_refused");
  return Math.round(performance.now() - started);
}
