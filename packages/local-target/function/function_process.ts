import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { onFreePort } from "../process/free_port.ts";
import { ManagedProcess, type ProcessContext } from "../process/process.ts";
import { ProcessService } from "../process/service.ts";

/** What Deno itself needs to find its caches and its registry; all else is kept from the function. */
const DENO_ENVIRONMENT = [
  "PATH",
  "HOME",
  "TMPDIR",
  "XDG_CACHE_HOME",
  "DENO_DIR",
  "DENO_CERT",
  "DENO_TLS_CA_STORE",
  "NPM_CONFIG_REGISTRY",
  "npm_config_registry",
  "SSL_CERT_FILE",
];

/** A function of your own, run as its own process. */
export interface FunctionOptions {
  /** The function's module: a path or a URL. Default: the swap proxy, configured from the environment. */
  readonly entrypoint?: string | URL;
  /** The import map that the platform would be given; then no configuration or lock file is read. */
  readonly importMap?: string | URL;
  /** Added to the platform's variables; `undefined` takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The Deno that runs it. Default: the one that runs this program. */
  readonly denoPath?: string;
  /** The name in `/functions/v1/<name>`. Default: `rest`. */
  readonly name?: string;
}

/** The function as its own process, as the Edge Runtime runs it. */
export class FunctionProcess extends ProcessService {
  readonly #options: FunctionOptions;
  readonly #platformEnv: Readonly<Record<string, string>>;
  readonly #directory: string;
  readonly #context: ProcessContext;
  #port = 0;

  private constructor(
    options: FunctionOptions,
    platformEnv: Readonly<Record<string, string>>,
    directory: string,
    context: ProcessContext,
  ) {
    super();
    this.#options = options;
    this.#platformEnv = platformEnv;
    this.#directory = directory;
    this.#context = context;
  }

  /** @throws {LocalTargetError} `process_failed`, with what the function wrote. */
  static async create(
    options: FunctionOptions,
    platformEnv: Readonly<Record<string, string>>,
    directory: string,
    context: ProcessContext,
  ): Promise<FunctionProcess> {
    const process = new FunctionProcess(options, platformEnv, directory, context);
    await onFreePort((port) => {
      process.#port = port;
      return process.start();
    });
    return process;
  }

  /** Its origin, without a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  protected override spawn(): Promise<ManagedProcess> {
    const { entrypoint = import.meta.resolve("./function.ts"), importMap } = this.#options;
    return ManagedProcess.spawn({
      name: "function",
      command: this.#options.denoPath ?? Deno.execPath(),
      args: [
        "run",
        "--allow-all",
        ...(importMap === undefined
          ? []
          : ["--no-config", "--no-lock", `--import-map=${specifier(importMap)}`]),
        specifier(entrypoint),
      ],
      cwd: this.#directory,
      env: this.#env(),
      finalSignal: "SIGKILL",
    }, this.#context);
  }

  /** Listening is ready: modules are loaded and configuration is read before that. */
  protected override async isReady(): Promise<boolean> {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port: this.#port })).close();
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) return false;
      throw error;
    }
  }

  #env(): Record<string, string> {
    const env: Record<string, string> = { NO_COLOR: "1" };
    for (const name of DENO_ENVIRONMENT) {
      const value = Deno.env.get(name);
      if (value !== undefined) env[name] = value;
    }
    Object.assign(env, this.#platformEnv, { PORT: String(this.#port) });
    for (const [name, value] of Object.entries(this.#options.env ?? {})) {
      if (value === undefined) delete env[name];
      else env[name] = value;
    }
    return env;
  }
}

/** As a URL: the process does not run in the caller's directory. */
function specifier(module: string | URL): string {
  if (module instanceof URL) return module.href;
  if (!isAbsolute(module) && URL.canParse(module)) return module;
  return pathToFileURL(resolve(module)).href;
}
