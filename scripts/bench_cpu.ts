/** Clock ticks a second, as Linux counts them for user space on every platform. */
const TICKS = 100;

/**
 * Seconds of processor time that a process has taken, all its threads together, from `/proc` (Linux only).
 * Other work on the machine makes a request slower, but hardly dearer.
 */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The second field, the command's name, may hold spaces and ends with the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
