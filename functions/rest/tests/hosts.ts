/** Where the function runs: the same scenarios pass on every one of these. */
import { createJwtSwapProxy, proxyOptionsFromEnv } from "@countersign/swap-proxy";

export interface RunningFunction extends AsyncDisposable {
  /** What the platform would send requests to. */
  readonly origin: string;
  /** All that it has written to its log so far. */
  readonly printed: () => string;
  /**
   * Whether the log has every refusal; the console's is bounded under a flood, which these tests
   * are.
   */
  readonly logsAll: boolean;
}

/** A server in a process of its own. */
export interface SpawnedFunction extends RunningFunction {
  readonly pid: number;
}

export interface Host {
  readonly name: string;
  start(env: Readonly<Record<string, string>>): Promise<RunningFunction>;
}

const ROOT = new URL("../../..", import.meta.url);
const ENTRYPOINT = "functions/rest/index.ts";
const IMPORT_MAP = "functions/rest/deno.json";

/** The handler inside the test's own process, behind a real server. */
export const inProcess: Host = {
  name: "in process",
  start(env) {
    const lines: string[] = [];
    const options = proxyOptionsFromEnv(env);
    const handler = createJwtSwapProxy({
      ...options,
      onEvent: (event) => lines.push(JSON.stringify(event)),
    });
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
    return Promise.resolve({
      origin: `http://127.0.0.1:${server.addr.port}`,
      printed: () => lines.join("\n"),
      logsAll: true,
      async [Symbol.asyncDispose]() {
        await server.shutdown();
        await options.close();
      },
    });
  },
};

/** A process of its own on the Deno that runs the tests, as a member of the workspace. */
export const ownProcess = {
  name: `Deno ${Deno.version.deno}`,
  start: (env: Readonly<Record<string, string>>) =>
    spawnServer(Deno.execPath(), ["run", "-A", ENTRYPOINT], env),
};

/**
 * A process of its own on the Deno that Supabase Edge is compatible with, which knows no workspace.
 */
export const edgeRuntime: Host = { name: "Deno 2.1.4", start: (env) => startOnDeno214(env) };

let deno214Path: Promise<string> | undefined;

/** The path of Deno 2.1.4, from the npm registry. Fails where it cannot be had. */
export function deno214(): Promise<string> {
  return deno214Path ??= findDeno214();
}

async function findDeno214(): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("npx", {
    args: ["-y", "deno@2.1.4", "eval", "console.log(Deno.version.deno, Deno.execPath())"],
    cwd: "/",
    stdin: "null",
  }).output();
  const [version, path] = new TextDecoder().decode(stdout).trim().split(" ");
  if (success && version === "2.1.4" && path !== undefined) return path;
  throw new Error(`Deno 2.1.4 is needed from npm: ${new TextDecoder().decode(stderr)}`);
}

/** What was deployed into `folder`, on Deno 2.1.4. */
export function deployedInto(folder: string): Host {
  return { name: "as the Supabase CLI uploads it", start: (env) => startOnDeno214(env, folder) };
}

async function startOnDeno214(
  env: Readonly<Record<string, string>>,
  cwd: string | URL = ROOT,
): Promise<RunningFunction> {
  const args = ["run", "-A", "--no-lock", "--no-config", "--import-map", IMPORT_MAP, ENTRYPOINT];
  return await spawnServer(await deno214(), args, env, cwd);
}

/**
 * Starts a server of the repository as a process of its own, and waits for the address it listens
 * on.
 */
export async function spawnServer(
  command: string,
  args: string[],
  env: Readonly<Record<string, string>>,
  cwd: string | URL = ROOT,
): Promise<SpawnedFunction> {
  const child = new Deno.Command(command, {
    args,
    cwd,
    env: { ...env, PORT: "0", NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let printed = "";
  const listening = Promise.withResolvers<string>();
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      printed += text;
      const port = /[Ll]istening on http:\/\/[^:]+:(\d+)/.exec(printed)?.[1];
      if (port !== undefined) listening.resolve(`http://127.0.0.1:${port}`);
    }
  };
  const ended = Promise.all([read(child.stdout), read(child.stderr), child.status]);
  ended.then(() =>
    listening.reject(new Error(`The function ended before it listened: ${printed}`))
  );
  return {
    origin: await listening.promise,
    pid: child.pid,
    printed: () => printed,
    logsAll: false,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
