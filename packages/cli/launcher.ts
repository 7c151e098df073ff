import { execFileSync } from "node:child_process";
import process from "node:process";

const EVERY_MS = 500;

/** The `npm` or `npx` that started a program. */
export interface Launcher {
  readonly pid: number;
  /** Resolves when it has ended. */
  readonly gone: Promise<void>;
}

/**
 * Finds the `npm` or `npx` that started this program. Killed by a signal, it does not pass the signal on to what
 * it started, which would then run on without anybody to stop it.
 *
 * @param env The environment that npm sets for what it starts.
 */
export function launcher(env: Readonly<Record<string, string | undefined>>): Launcher | undefined {
  const pid = env.npm_execpath === undefined ? undefined : ancestor(/(^|\/)(npm|npx)\b/);
  if (pid === undefined) return undefined;
  const gone = new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (isRunning(pid)) return;
      clearInterval(timer);
      resolve();
    }, EVERY_MS);
    timer.unref();
  });
  return { pid, gone };
}

/** The nearest ancestor whose command line matches. */
function ancestor(pattern: RegExp): number | undefined {
  const processes = new Map(
    listProcesses().map(([, pid, parent, command = ""]) => [Number(pid), {
      parent: Number(parent),
      command,
    }]),
  );
  for (let pid = process.ppid; pid > 1;) {
    const found = processes.get(pid);
    if (found === undefined) return undefined;
    if (pattern.test(found.command)) return pid;
    pid = found.parent;
  }
}

function listProcesses(): RegExpMatchArray[] {
  try {
    const list = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" });
    return Array.from(list.matchAll(/^\s*(\d+)\s+(\d+)\s+(.*)$/gm));
  } catch {
    // A machine without `ps` keeps what every program has: signals.
    return [];
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && Reflect.get(error, "code") === "EPERM";
  }
}
