import { join } from "node:path";
import postgres from "postgres";
import { onFreePort } from "./free_port.ts";
import { type PostgresBinaries, postgresBinaries } from "./postgres_binaries.ts";
import { ManagedProcess, type ProcessContext } from "./process.ts";
import type { Service } from "./service.ts";
import { unprivilegedUser, type UserIds } from "./unprivileged_user.ts";

const READY_TIMEOUT = 30_000;

/** Who the cluster is initialised for: on Supabase as well the bootstrap superuser is this role. */
const SUPERUSER = "supabase_admin";

/** Speed over durability: the data does not outlive the target. */
const SERVER_OPTIONS = {
  listen_addresses: "127.0.0.1",
  // Only TCP: a socket's path has a length limit that macOS's temporary directory comes close to.
  unix_socket_directories: "",
  max_connections: "100",
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  timezone: "UTC",
  lc_messages: "C",
};

/** A Postgres server of the target's own. */
export class PostgresServer implements Service {
  readonly #directory: string;
  readonly #binaries: PostgresBinaries;
  readonly #user: UserIds;
  readonly #password: string;
  readonly #context: ProcessContext;
  #port = 0;
  #process: ManagedProcess | undefined;

  private constructor(
    directory: string,
    binaries: PostgresBinaries,
    user: UserIds,
    password: string,
    context: ProcessContext,
  ) {
    this.#directory = directory;
    this.#binaries = binaries;
    this.#user = user;
    this.#password = password;
    this.#context = context;
  }

  /**
   * Creates a cluster in `directory` and starts it on a free port.
   *
   * @param password The superuser's
   * @throws {LocalTargetError} `postgres_unavailable`, `no_unprivileged_user`, `process_failed`
   */
  static async create(
    directory: string,
    password: string,
    context: ProcessContext,
  ): Promise<PostgresServer> {
    const user = await unprivilegedUser();
    if (user.uid !== undefined && user.gid !== undefined) {
      await Deno.chown(directory, user.uid, user.gid);
    }
    const binaries = await postgresBinaries(directory, user);
    const server = new PostgresServer(directory, binaries, user, password, context);
    await server.#initialise();
    await onFreePort((port) => {
      server.#port = port;
      return server.start();
    });
    return server;
  }

  get logs(): readonly string[] {
    return this.#process?.lines ?? [];
  }

  /** Where a role connects. */
  url(role: string = SUPERUSER, password: string = this.#password): string {
    return `postgresql://${role}:${password}@127.0.0.1:${this.#port}/postgres`;
  }

  async start(): Promise<void> {
    if (this.#process !== undefined && this.#process.status === undefined) return;
    this.#process = await this.#spawn(this.#binaries.postgres, [
      "-D",
      this.#dataDirectory,
      "-p",
      String(this.#port),
      ...Object.entries(SERVER_OPTIONS).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ], "SIGQUIT");
    try {
      await this.#process.until(() => this.#accepts(), READY_TIMEOUT);
    } catch (error) {
      await this.#process.kill();
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

  get #dataDirectory(): string {
    return join(this.#directory, "data");
  }

  async #initialise(): Promise<void> {
    const passwordFile = join(this.#directory, "password");
    await Deno.writeTextFile(passwordFile, this.#password, { mode: 0o600, createNew: true });
    if (this.#user.uid !== undefined && this.#user.gid !== undefined) {
      await Deno.chown(passwordFile, this.#user.uid, this.#user.gid);
    }
    const initdb = await this.#spawn(this.#binaries.initdb, [
      `--pgdata=${this.#dataDirectory}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale-provider=builtin",
      "--locale=C",
      "--builtin-locale=C.UTF-8",
      "--no-sync",
      "--no-instructions",
      // 1 MB instead of 16 MB of zeros to write.
      "--wal-segsize=1",
    ], "SIGKILL");
    const { success } = await initdb.ended;
    await Deno.remove(passwordFile);
    if (!success) throw initdb.failure("initdb failed");
  }

  /** Ready means that our own password opens it: the port may by now be somebody else's. */
  async #accepts(): Promise<boolean> {
    const sql = postgres(this.url(), { max: 1, connect_timeout: 5, backoff: false });
    try {
      await sql`select 1`;
      return true;
    } catch {
      return false;
    } finally {
      await sql.end({ timeout: 0 });
    }
  }

  #spawn(
    command: string,
    args: readonly string[],
    finalSignal: "SIGKILL" | "SIGQUIT",
  ): Promise<ManagedProcess> {
    return ManagedProcess.spawn({
      name: "postgres",
      command,
      args,
      // initdb must be able to read its working directory.
      cwd: this.#directory,
      env: { LC_ALL: "C", TZ: "UTC" },
      ...this.#user,
      finalSignal,
    }, this.#context);
  }
}
