import { onFreePort } from "./free_port.ts";
import { postgrestBinary } from "./postgrest_binary.ts";
import { ManagedProcess, type ProcessContext } from "./process.ts";
import type { Service } from "./service.ts";

const READY_TIMEOUT = 30_000;

/** How PostgREST is configured, as far as targets differ. */
export interface PostgrestConfiguration {
  /** Where the role `authenticator` connects. */
  readonly databaseUrl: string;
  /** A secret, or a JSON Web Key Set. */
  readonly jwtSecret: string;
  /** A directory to run in. */
  readonly directory: string;
}

/** A PostgREST of the target's own. */
export class Postgrest implements Service {
  readonly #binary: string;
  readonly #configuration: PostgrestConfiguration;
  readonly #context: ProcessContext;
  #port = 0;
  #adminPort = 0;
  #process: ManagedProcess | undefined;

  private constructor(
    binary: string,
    configuration: PostgrestConfiguration,
    context: ProcessContext,
  ) {
    this.#binary = binary;
    this.#configuration = configuration;
    this.#context = context;
  }

  /** @throws {LocalTargetError} `postgrest_unavailable`, `process_failed` */
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

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get logs(): readonly string[] {
    return this.#process?.lines ?? [];
  }

  async start(): Promise<void> {
    if (this.#process !== undefined && this.#process.status === undefined) return;
    const process = await ManagedProcess.spawn({
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
        PGRST_LOG_LEVEL: "info",
        // GHC's runtime reads paths and file contents in the locale's encoding.
        LANG: "C.UTF-8",
      },
      finalSignal: "SIGKILL",
    }, this.#context);
    this.#process = process;
    try {
      await process.until(() => this.#ready(), READY_TIMEOUT);
    } catch (error) {
      await process.kill();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#process?.kill();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /**
   * Resolves when a schema that was read after this call is in use; `notify` has to ask for it.
   *
   * PostgREST says in its log when it begins to read and when it is done. A reading that was under way may
   * lack the caller's change, so only one that begins from now on counts.
   *
   * @throws {LocalTargetError} `process_failed` when PostgREST ends, or does not read it in time
   */
  async reloaded(notify: () => Promise<void>): Promise<void> {
    const process = this.#process;
    if (process === undefined) throw new TypeError("PostgREST has not been started");
    let phase: "waiting" | "reading" | "done" = "waiting";
    const unlisten = process.onLine((line) => {
      if (phase === "waiting" && line.includes("Attempting to connect")) phase = "reading";
      else if (phase === "reading" && line.includes("Schema cache loaded")) phase = "done";
    });
    try {
      await notify();
      await process.until(() => Promise.resolve(phase === "done"), READY_TIMEOUT);
    } finally {
      unlisten();
    }
  }

  async #ready(): Promise<boolean> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.#adminPort}/ready`);
      await response.body?.cancel();
      return response.ok;
    } catch (error) {
      if (error instanceof TypeError) return false;
      throw error;
    }
  }
}
