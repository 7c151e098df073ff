import { onFreePort } from "../process/free_port.ts";
import { postgrestBinary } from "./postgrest_binary.ts";
import { ManagedProcess, type ProcessContext } from "../process/process.ts";
import { statusOf } from "../process/status_of.ts";
import { ProcessService } from "../process/service.ts";

const RELOAD_TIMEOUT = 30_000;

/** How PostgREST is configured, as far as targets differ. */
export interface PostgrestConfiguration {
  /** Where the role `authenticator` connects. */
  readonly databaseUrl: string;
  /** A secret, or a JSON Web Key Set. */
  readonly jwtSecret: string;
  /** Further settings, under the names that its configuration file has. */
  readonly settings: Readonly<Record<string, string>>;
  /** A directory to run in. */
  readonly directory: string;
}

/** A PostgREST of the target's own. */
export class Postgrest extends ProcessService {
  readonly #binary: string;
  readonly #configuration: PostgrestConfiguration;
  readonly #context: ProcessContext;
  #port = 0;
  #adminPort = 0;

  private constructor(
    binary: string,
    configuration: PostgrestConfiguration,
    context: ProcessContext,
  ) {
    super();
    this.#binary = binary;
    this.#configuration = configuration;
    this.#context = context;
  }

  /** @throws {LocalTargetError} `postgrest_unavailable`, `process_failed`. */
  static async create(
    configuration: PostgrestConfiguration,
    context: ProcessContext,
  ): Promise<Postgrest> {
    const postgrest = new Postgrest(await postgrestBinary(), configuration, context);
    await onFreePort((port) =>
      onFreePort((adminPort) => {
        postgrest.#port = port;
        postgrest.#adminPort = adminPort;
        return postgrest.start();
      })
    );
    return postgrest;
  }

  /** Its origin, without a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /**
   * Resolves when a schema that was read after this call is in use; `notify` has to ask for it.
   *
   * PostgREST says in its log when it begins to read and when it is done. A reading that was under way may
   * lack the caller's change, so only one that begins from now on counts.
   *
   * @throws {LocalTargetError} `process_failed` when PostgREST ends, or does not read it in time.
   */
  async reloaded(notify: () => Promise<void>): Promise<void> {
    let phase: "asked" | "reading" | "done" = "asked";
    const unlisten = this.process.onLine((line) => {
      if (phase === "asked" && line.includes("Attempting to connect")) phase = "reading";
      else if (phase === "reading" && line.includes("Schema cache loaded")) phase = "done";
    });
    try {
      await notify();
      await this.process.until(() => phase === "done", RELOAD_TIMEOUT);
    } finally {
      unlisten();
    }
  }

  protected override spawn(): Promise<ManagedProcess> {
    return ManagedProcess.spawn({
      name: "postgrest",
      command: this.#binary,
      args: [],
      cwd: this.#configuration.directory,
      env: {
        PGRST_DB_URI: this.#configuration.databaseUrl,
        PGRST_DB_SCHEMAS: "public",
        PGRST_DB_EXTRA_SEARCH_PATH: "public,extensions",
        PGRST_DB_ANON_ROLE: "anon",
        PGRST_DB_CONFIG: "true",
        PGRST_DB_CHANNEL_ENABLED: "true",
        PGRST_DB_POOL: "10",
        PGRST_JWT_SECRET: this.#configuration.jwtSecret,
        PGRST_SERVER_HOST: "127.0.0.1",
        PGRST_SERVER_PORT: String(this.#port),
        PGRST_ADMIN_SERVER_PORT: String(this.#adminPort),
        // A line for each refused request, none for the others.
        PGRST_LOG_LEVEL: "warn",
        // GHC's runtime decodes what it reads by the locale.
        LANG: "C.UTF-8",
        ...environmentOf(this.#configuration.settings),
      },
      finalSignal: "SIGKILL",
    }, this.#context);
  }

  /** Its own log comes first: the ports may by now be somebody else's. */
  protected override async isReady({ lines }: ManagedProcess): Promise<boolean> {
    if (!lines.some((line) => line.includes("Listening on port"))) return false;
    return await statusOf(`http://127.0.0.1:${this.#adminPort}/ready`) === 200;
  }
}

/** `db-config` is `PGRST_DB_CONFIG` in the environment. */
function environmentOf(settings: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      `PGRST_${name.replaceAll("-", "_").toUpperCase()}`,
      value,
    ]),
  );
}
