import type { FunctionOptions } from "./function/function_process.ts";
import type { FunctionHandler } from "./gateway/gateway.ts";
import type { ProjectKeys } from "./keys/keys.ts";
import type { LogSource } from "./process/process.ts";
import type { Service } from "./process/service.ts";

/** How to start a target. */
export interface LocalTargetOptions {
  /** Whether to apply Countersign's migrations. Default: `true`. */
  readonly migrations?: boolean;
  /** SQL of your own, run in order as `postgres` after the migrations. */
  readonly sql?: readonly string[];
  /** The function's process. Default: `true`, the swap proxy, as `/functions/v1/rest`. */
  readonly function?: boolean | FunctionOptions;
  /** Answers `/functions/v1/rest` in this process, instead of a process of its own. */
  readonly functionHandler?: FunctionHandler;
  /** The gateway's port. Default: a free one. */
  readonly port?: number;
  /**
   * Whose gateway to be. `hosted` (default) hands `Authorization` to functions as it came; `cli` does as the
   * CLI's Kong: where it is missing or an `sb_…` key, the function gets the target's own JWT for the `apikey`.
   */
  readonly gateway?: "hosted" | "cli";
  /** Another Postgres server. */
  readonly postgres?: {
    /**
     * Where Postgres 15, 16, 17 or 18 is installed: a folder with `bin/initdb` and `bin/postgres`, such as
     * `/usr/lib/postgresql/15`. Default: npm's Postgres 17.
     */
    readonly directory?: string;
  };
  /** PostgREST's configuration. */
  readonly postgrest?: {
    /**
     * What to verify with: a secret of at least 32 bytes, which then also signs the legacy keys, or a JSON
     * Web Key Set, which is trusted beside a secret of the target's own. Default: a random secret.
     */
    readonly jwtSecret?: string;
    /** Further settings, under the names that its configuration file has, such as `db-config`. */
    readonly settings?: Readonly<Record<string, string>>;
  };
  /** Aborts the start: it rejects at once, and nothing is left. No effect afterwards. */
  readonly signal?: AbortSignal;
  /** Called with every line that Postgres, PostgREST and the function write. */
  readonly onLog?: (source: LogSource, line: string) => void;
}

/** A running target. Everything of it listens on 127.0.0.1 only. */
export interface LocalTarget extends ProjectKeys, AsyncDisposable {
  /** The project's URL. */
  readonly url: string;
  /** `<url>/rest/v1`. */
  readonly restUrl: string;
  /** `<url>/functions/v1`: what an issuer gives to `createClient`. */
  readonly functionsUrl: string;
  /** The database, as the hosted `postgres`: no superuser. */
  readonly databaseUrl: string;
  /** The database, as the superuser `supabase_admin`, whom a hosted project's owner never is. */
  readonly superuserUrl: string;
  /** PostgREST itself, past the gateway. */
  readonly postgrestUrl: string;
  /** The database server. */
  readonly postgres: Service;
  /** The API server. */
  readonly postgrest: Service;
  /** `undefined` if the function has no process. */
  readonly functionProcess: Service | undefined;
  /** Makes PostgREST reload the schema, and waits until it has. */
  reloadSchema(): Promise<void>;
  /** Ends every process at once and removes all files. Safe to call twice. */
  stop(): Promise<void>;
}
