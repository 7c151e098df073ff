import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { LocalTargetError } from "../errors.ts";

/**
 * Runs until its standard input ends, then kills the process groups of the last line and removes the directory,
 * retrying while one of them still writes to it.
 *
 * The kernel closes a pipe however its writer dies, so this also cleans up after Ctrl-C, an uncaught error,
 * an explicit exit, and SIGKILL, and the library installs no signal handler in its caller's program.
 */
const SCRIPT = `
trap '' INT TERM HUP QUIT
while read -r line; do last=$line; done
for entry in $last; do kill -s "\${entry%%:*}" -- "-\${entry##*:}" 2>/dev/null; done
tries=0
until rm -rf "$1" 2>/dev/null; do
  tries=$((tries + 1))
  if [ "$tries" -eq 100 ]; then exit 1; fi
  sleep 0.05
done
`;

/** How a process is ended at once, without leaving shared memory behind. */
export type FinalSignal = "SIGKILL" | "SIGQUIT";

/** Removes everything that a target has on the machine, once this program calls {@linkcode close} or is gone. */
export class Reaper {
  readonly #directory: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #watched = new Map<number, FinalSignal>();

  /** @param directory Removed at the end, with everything in it. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#child = spawn("/bin/sh", ["-c", SCRIPT, "countersign-reaper", directory], {
      // Not the caller's directory: a watcher must not keep it busy.
      cwd: "/",
      stdio: ["pipe", "ignore", "ignore"],
      // A session of its own: Deno kills its attached children when it dies of an uncaught error, and a
      // terminal or a supervisor signals whole groups.
      detached: true,
    });
    this.#ended = once(this.#child, "exit");
    // Somebody killed the reaper: `close` reports its exit status, so the broken pipe adds nothing.
    this.#child.stdin?.on("error", () => {});
  }

  /** Has the process group killed with `signal` if this program ends without having called {@linkcode forget}. */
  async watch(group: number, signal: FinalSignal): Promise<void> {
    this.#watched.set(group, signal);
    await this.#send();
  }

  /** Must follow the end of a process at once: its ID may be given to another process. */
  async forget(group: number): Promise<void> {
    this.#watched.delete(group);
    await this.#send();
  }

  /** Kills everything that is watched, removes the directory, and waits until both are done. Safe to call twice. */
  async close(): Promise<void> {
    this.#child.stdin?.end();
    await this.#ended;
    if (this.#child.exitCode !== 0) {
      throw new LocalTargetError(
        "cleanup_failed",
        `Cannot remove "${this.#directory}": delete it by hand`,
      );
    }
  }

  #send(): Promise<void> {
    const line = [...this.#watched].map(([group, signal]) => `${signal.slice(3)}:${group}`)
      .join(" ");
    return new Promise((resolve) => {
      // After `close` there is nobody to write to, and nothing left to watch.
      if (this.#child.stdin?.writable !== true) resolve();
      else this.#child.stdin.write(`${line}\n`, () => resolve());
    });
  }
}
