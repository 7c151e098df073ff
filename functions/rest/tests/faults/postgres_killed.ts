import assert from "node:assert/strict";
import { type Fault, forgedRead, read, wellAgain } from "./fault.ts";
import { DATABASE_GONE, Traffic } from "./load/traffic.ts";

/** Longer than `maxStaleness`, so that the function has nothing left to go by. */
export const POSTGRES_KILLED: Fault = {
  name: "Postgres is killed and stays away",
  async run(scene) {
    const { postgres } = scene.stage.target;
    await using traffic = new Traffic(scene);
    await traffic.sees("201");
    await postgres.stop();
    try {
      await traffic.sees("503 registry_unavailable");
      // Nobody can tell a forged token from an honest one by the answer.
      assert.equal(await read(scene, scene.function), "503 registry_unavailable");
      assert.equal(await forgedRead(scene, scene.function), "503 registry_unavailable");
    } finally {
      await postgres.start();
    }
    await wellAgain(scene, this.name);
    await traffic.sees("201");
    await traffic.settle([...DATABASE_GONE, /^503 registry_unavailable$/]);
  },
};
