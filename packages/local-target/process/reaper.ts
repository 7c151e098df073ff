import { LocalTargetError } from "../errors.ts";

/**
 * Runs until its standard input ends, then kills the processes of the last line and removes the directory,
 * again and again while one of them still writes to it.
 *
 * The kernel closes a pipe however its writer dies, so this also cleans up after Ctrl-C, an uncaught error,
 * `Deno.exit()` and SIGKILL, and the library installs no signal handler in somebody else's program. The
 * terminal sends Ctrl-C to every process of the group, hence the trap.
 */
const SCRIPT = `
trap '' INT TERM HUP QUIT
while read -r line; do last=$line; done
for entry in $last; do kill -"\${entry%%:*}" "\${entry##*:}" 2>/dev/null; done
tries=0
until rm -rf "$1" 2>/dev/null; do
  tries=$((tries + 1))
  if [ "$tries" -eq 100 ]; then exit 1; fi
  sleep 0.05
done
`;

/** How a process is ended at once, and without leaving shared memory behind. */
export type FinalSignal = "SIGKILL" | "SIGQUIT";

/** Removes all that a target has on the machine, once this program calls {@linkcode close} or is gone. */
export class Reaper {
  readonly #directory: string;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #watched = new Map<number, FinalSignal>();

  /** @param directory Removed, with all that is in it, at the end. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#child = new Deno.Command("/bin/sh", {
      args: ["-c", SCRIPT, "countersign-reaper", directory],
      // Not the caller's directory: a watcher must not keep it busy.
      cwd: "/",
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
  }

  /** Has the process killed with `signal` if this program ends without having called {@linkcode forget}. */
  async watch(pid: number, signal: FinalSignal): Promise<void> {
    this.#watched.set(pid, signal);
    await this.#send();
  }

  /** Must follow the end of a process at once: its id may be given to a stranger's process. */
  async forget(pid: number): Promise<void> {
    this.#watched.delete(pid);
    await this.#send();
  }

  /** Ends the watch and waits until everything is gone. */
  async close(): Promise<void> {
    await this.#input.close().catch(ignoreBrokenPipe);
    const { success } = await this.#child.status;
    if (!success) {
      throw new LocalTargetError(
        "cleanup_failed",
        `Cannot remove "${this.#directory}": delete it by hand`,
      );
    }
  }

  async #send(): Promise<void> {
    const line = [...this.#watched].map(([pid, signal]) => `${signal.slice(3)}:${pid}`).join(" ");
    await this.#input.write(new TextEncoder().encode(`${line}\n`)).catch(ignoreBrokenPipe);
  }
}

/** The reaper was killed: {@linkcode Reaper.close} reports its exit status, so the broken pipe adds nothing. */
function ignoreBrokenPipe(error: unknown): void {
  if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
}
