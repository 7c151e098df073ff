/**
 * Seconds of processor time that a process has taken, all its living threads together, from the kernel's scheduler
 * (Linux only). Other work on the machine makes a request slower, but hardly dearer.
 */
export async function cpuSeconds(pid: number): Promise<number> {
  const tasks = `/proc/${pid}/task`;
  let nanoseconds = 0;
  for await (const { name } of Deno.readDir(tasks)) {
    try {
      nanoseconds += parseInt(await Deno.readTextFile(`${tasks}/${name}/schedstat`));
    } catch (error) {
      // The thread ended since it was listed.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return nanoseconds / 1e9;
}
