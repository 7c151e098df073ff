import assert from "node:assert/strict";
import { type Fault, forgedRead, read, wellAgain } from "./fault.ts";
import { Traffic } from "./load/traffic.ts";

/** PostgREST still reaches Postgres, so only the function is in the dark. */
export const POSTGRES_UNREACHABLE: Fault = {
  name: "Postgres can't be reached by the function",
  run: (scene) => inTheDark(scene, "cut", POSTGRES_UNREACHABLE.name),
};

/** Connections stay, new ones are accepted, and no byte comes back. */
export const POSTGRES_SILENT: Fault = {
  name: "Postgres falls silent",
  run: (scene) => inTheDark(scene, "hold", POSTGRES_SILENT.name),
};

async function inTheDark(
  scene: Parameters<Fault["run"]>[0],
  how: "cut" | "hold",
  name: string,
): Promise<void> {
  const { registry } = scene.stage;
  await using traffic = new Traffic(scene);
  await traffic.sees("201");
  registry[how]();
  try {
    // What it knows is good until it is stale.
    await traffic.sees("201", 20);
    assert.equal(traffic.verdicts.size, 1, "refused before it had to be");
    await traffic.sees("503 registry_unavailable");
    assert.equal(await read(scene, scene.function), "503 registry_unavailable");
    assert.equal(await forgedRead(scene, scene.function), "503 registry_unavailable");
  } finally {
    registry.open();
  }
  await wellAgain(scene, name);
  await traffic.sees("201");
  await traffic.settle([/^503 registry_unavailable$/]);
}
