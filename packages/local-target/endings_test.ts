import assert from "node:assert/strict";
import { until } from "@countersign/fixture";
import { leavesNothing, listens, program } from "./fixtures/program.ts";

const BARE = { migrations: false, function: false } as const;

/** Milliseconds: long enough for a machine that does much else. */
const PATIENCE = 30_000;

Deno.test("startLocalTarget() that is aborted rejects at once and leaves nothing, whenever that is", async () => {
  for (const delay of [0, 100, 300, 600]) {
    const report = await leavesNothing(`
      const control = new AbortController();
      setTimeout(() => control.abort(), ${delay});
      const started = performance.now();
      const error = await startLocalTarget({ signal: control.signal }).catch((error) => error);
      const late = performance.now() - started - ${delay};
      if (error.code === undefined) await error.stop();
      console.log(JSON.stringify([error.code ?? "aborted", late < 5000, await childProcesses()]));
    `);
    assert.deepEqual(report, ["aborted", true, []]);
  }
});

/** What a server holds on the machine beside files and ports: shared memory, by its names. */
async function sharedMemoryOf(data: string): Promise<{ segment: string; files: string[] }> {
  const [pid = "", , , , , , segment = ""] = (await Deno.readTextFile(`${data}/postmaster.pid`))
    .split("\n");
  const maps = await Deno.readTextFile(`/proc/${pid}/maps`);
  return {
    segment: segment.trim().split(/\s+/)[1] ?? "",
    files: [...new Set(maps.match(/\/dev\/shm\/PostgreSQL\.\d+/g))],
  };
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

const ENDINGS = {
  "a signal that cannot be caught": { signal: "SIGKILL" },
  "Ctrl-C": { signal: "SIGINT" },
  "termination": { signal: "SIGTERM" },
  "an uncaught error": { then: "throw new Error('uncaught')" },
  "an unhandled rejection": { then: "Promise.reject(new Error('unhandled'))" },
  "an explicit exit": { then: "Deno.exit(3)" },
} as const;

for (const [how, ending] of Object.entries(ENDINGS)) {
  Deno.test(`LocalTarget is gone with its files, ports and shared memory after ${how}`, async () => {
    const temporary = await Deno.makeTempDir();
    await Deno.chmod(temporary, 0o755);
    const child = program(
      `const target = await startLocalTarget(${JSON.stringify(BARE)});
       console.log(target.databaseUrl);
       await Deno.stdin.read(new Uint8Array(1));
       ${"then" in ending ? ending.then : ""};
       await new Promise(() => {});`,
      temporary,
    ).spawn();
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const databaseUrl = (await output.read()).value?.trim() ?? "";
    assert(await listens(databaseUrl));
    const [folder] = await Array.fromAsync(Deno.readDir(temporary), ({ name }) => name);
    const { segment, files } = await sharedMemoryOf(`${temporary}/${folder}/data`);
    assert.notEqual(segment, "");
    for (const file of files) assert(await isThere(file));

    if ("signal" in ending) child.kill(ending.signal);
    else {
      const input = child.stdin.getWriter();
      await input.write(new Uint8Array(1));
      await input.close();
    }
    assert.equal((await child.status).success, false);
    await output.cancel();
    await child.stderr.cancel();
    if ("signal" in ending) await child.stdin.close().catch(() => {});
    await until("the port is free", async () => !await listens(databaseUrl), PATIENCE);
    await until(
      "no file is left",
      async () => (await Array.fromAsync(Deno.readDir(temporary))).length === 0,
      PATIENCE,
    );
    await until(
      "no file of shared memory is left",
      async () => !(await Promise.all(files.map(isThere))).includes(true),
      PATIENCE,
    );
    await until(
      "no segment of shared memory is left",
      async () =>
        !(await Deno.readTextFile("/proc/sysvipc/shm")).split("\n")
          .some((line) => line.trim().split(/\s+/)[1] === segment),
      PATIENCE,
    );
    await Deno.remove(temporary);
  });
}

Deno.test("LocalTarget is gone when its program is killed during the start, whenever that is", async () => {
  for (const delay of [0, 60, 150, 400]) {
    const temporary = await Deno.makeTempDir();
    await Deno.chmod(temporary, 0o755);
    const child = program(`await startLocalTarget(${JSON.stringify(BARE)})`, temporary).spawn();
    const isEmpty = async () => (await Array.fromAsync(Deno.readDir(temporary))).length === 0;
    await until("the start has begun", async () => !await isEmpty(), PATIENCE);
    await new Promise((resolve) => setTimeout(resolve, delay));
    child.kill("SIGKILL");
    await child.stdin.close().catch(() => {});
    await child.output();
    await until("no file is left", isEmpty, PATIENCE);
    await until("no process is left", async () => {
      const { stdout } = await new Deno.Command("ps", { args: ["-A", "-o", "args="] }).output();
      return !new TextDecoder().decode(stdout).includes(temporary);
    }, PATIENCE);
    await Deno.remove(temporary);
  }
});
