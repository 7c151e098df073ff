import assert from "node:assert/strict";
import { type Fault, forgedRead, read, wellAgain } from "./fault.ts";
import { Traffic } from "./load/traffic.ts";

/** Shorter than the time-out of a query (2.5 s), and longer. */
const SLUGGISH = 400;
const TOO_SLOW = 4_000;

export const POSTGRES_SLOW: Fault = {
  name: "Postgres takes seconds for a query",
  async run(scene) {
    const { registry } = scene.stage;
    await using traffic = new Traffic(scene);
    try {
      registry.delay = SLUGGISH;
      await traffic.sees("201", 100);
      assert.deepEqual([...traffic.verdicts.keys()], ["201"]);

      registry.delay = TOO_SLOW;
      await traffic.sees("503 registry_unavailable");
      const asked = performance.now();
      assert.equal(await forgedRead(scene, scene.function), "503 registry_unavailable");
      assert.equal(await read(scene, scene.function), "503 registry_unavailable");
      assert.ok(performance.now() - asked < 2 * TOO_SLOW, "a request hung with its registry");
    } finally {
      registry.delay = 0;
    }
    await wellAgain(scene, this.name);
    await traffic.settle([/^503 registry_unavailable$/]);
  },
};
