/**
 * The function as it is deployed, and what it holds: a line each second, and one after a collection of its
 * garbage whenever SIGUSR2 asks for it.
 *
 * `deno run -A --v8-flags=--expose-gc scripts/soak/function.ts`
 */
import "../../functions/rest/index.ts";

/** What a line says after `holds `. Memory is bytes. */
export interface Held {
  readonly pid: number;
  readonly resident: number;
  /** On V8's heap; of use only where it is what a collection left. */
  readonly heap: number;
  /** Beside it, and collected with it. */
  readonly external: number;
  /** Open sockets and files. */
  readonly descriptors: number;
  readonly isCollected: boolean;
}

const parent = Deno.ppid;

function print(isCollected: boolean): void {
  const { rss, heapUsed, external } = Deno.memoryUsage();
  const held: Held = {
    pid: Deno.pid,
    resident: rss,
    heap: heapUsed,
    external,
    descriptors: [...Deno.readDirSync("/dev/fd")].length,
    isCollected,
  };
  console.log(`holds ${JSON.stringify(held)}`);
}

print(false);
setInterval(() => {
  // Whoever started it may have been killed, and is then nobody who could end it.
  if (Deno.ppid !== parent) Deno.exit();
  print(false);
}, 1_000);

Deno.addSignalListener("SIGUSR2", () => {
  const collect: unknown = Reflect.get(globalThis, "gc");
  if (typeof collect !== "function") throw new TypeError("Expected --v8-flags=--expose-gc");
  collect();
  // Again in the next turn: what was finalized only now held other things.
  setTimeout(() => {
    collect();
    print(true);
  }, 0);
});
