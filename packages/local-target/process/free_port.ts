import { LocalTargetError } from "../errors.ts";

/** What Postgres, PostgREST and Deno say when somebody else has the port. */
const PORT_TAKEN = /address (already )?in use|AddrInUse|resource busy/i;

/**
 * Calls `start` with a port that was free a moment ago, and again with another when it was lost meanwhile.
 *
 * None of our programs can be given a bound socket, so the gap between closing ours and their binding it
 * stays; other tests on the machine do fall into it.
 */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    listener.close();
    try {
      return await start(port);
    } catch (error) {
      if (attempt === 5 || !lostPort(error)) throw error;
    }
  }
}

function lostPort(error: unknown): boolean {
  return error instanceof LocalTargetError && error.output.some((line) => PORT_TAKEN.test(line));
}
