import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Reaper } from "./reaper.ts";

/** A process that ends by nobody's will but a signal's, as the leader of a group of its own. */
function sleeper() {
  const child = spawn("/bin/sleep", ["600"], { detached: true, stdio: "ignore" });
  return { pid: child.pid!, ended: once(child, "exit") };
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test("Reaper kills what it watches and removes the directory, and nothing else", async () => {
  const directory = await Deno.makeTempDir();
  await Deno.writeTextFile(`${directory}/file`, "x");
  const [watched, forgotten] = [sleeper(), sleeper()];
  try {
    const reaper = new Reaper(directory);
    await reaper.watch(watched.pid, "SIGKILL");
    await reaper.watch(forgotten.pid, "SIGKILL");
    await reaper.forget(forgotten.pid);
    await reaper.close();
    const [, signal] = await watched.ended;
    assert.equal(signal, "SIGKILL");
    assert.equal(await exists(directory), false);
    Deno.kill(forgotten.pid, "SIGCONT"); // It is still there.
    await reaper.close();
  } finally {
    Deno.kill(forgotten.pid, "SIGKILL");
    await forgotten.ended;
  }
});
