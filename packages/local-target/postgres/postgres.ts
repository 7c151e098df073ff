import { join } from "node:path";
import { onFreePort } from "../process/free_port.ts";
import { type PostgresBinaries, postgresBinaries } from "./postgres_binaries.ts";
import { ManagedProcess, type ProcessContext } from "../process/process.ts";
import type { FinalSignal } from "../process/reaper.ts";
import { ProcessService } from "../process/service.ts";
import { give, unprivilegedUser, type UserIds } from "../process/unprivileged_user.ts";

/** Who the cluster is initialised for: on Supabase as well the bootstrap superuser is this role. */
const SUPERUSER = "supabase_admin";

const INITDB_OPTIONS = [
  `--username=${SUPERUSER}`,
  "--auth=scram-sha-256",
  "--encoding=UTF8",
  "--locale=C",
  "--no-sync",
  "--no-instructions",
  // 1 MB instead of 16 MB of zeros to write.
  "--wal-segsize=1",
];

/** Before Postgres 17, C is the only locale that every machine has. */
function localeOptions(version: number): string[] {
  return version >= 17 ? ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] : [];
}

/**
 * The data need not outlive the machine, so nothing is forced to disk. It does outlive a crash of the server:
 * a commit is handed to the operating system before it is answered.
 */
const SERVER_OPTIONS = {
  listen_addresses: "127.0.0.1",
  // Only TCP: a socket's path has a length limit that macOS's temporary directory comes close to.
  unix_socket_directories: "",
  max_connections: "200",
  fsync: "off",
  full_page_writes: "off",
  // In the data directory, which is removed even after a crash; shared memory would stay.
  dynamic_shared_memory_type: "mmap",
  timezone: "UTC",
  // Readiness is read from the log.
  lc_messages: "C",
};

/** A Postgres server of the target's own. */
export class PostgresServer extends ProcessService {
  readonly #directory: string;
  readonly #binaries: PostgresBinaries;
  readonly #user: UserIds;
  readonly #password: string;
  readonly #context: ProcessContext;
  #port = 0;

  private constructor(
    directory: string,
    binaries: PostgresBinaries,
    user: UserIds,
    password: string,
    context: ProcessContext,
  ) {
    super();
    this.#directory = directory;
    this.#binaries = binaries;
    this.#user = user;
    this.#password = password;
    this.#context = context;
  }

  /**
   * Creates a cluster in `directory`, which is given to the user whom Postgres runs as, and starts it on a
   * free port.
   *
   * @param password The superuser's; base64url text, so it needs no quoting in a URL.
   * @param installation A folder with `bin/initdb` and `bin/postgres`. Default: npm's.
   * @throws {LocalTargetError} `postgres_unavailable`, `no_unprivileged_user`, `process_failed`.
   */
  static async create(
    directory: string,
    password: string,
    context: ProcessContext,
    installation?: string,
  ): Promise<PostgresServer> {
    const user = await unprivilegedUser();
    await give(directory, user);
    const binaries = await postgresBinaries(directory, user, installation);
    const server = new PostgresServer(directory, binaries, user, password, context);
    await server.#initialise();
    await onFreePort((port) => {
      server.#port = port;
      return server.start();
    });
    return server;
  }

  /** The major version, such as 17. */
  get version(): number {
    return this.#binaries.version;
  }

  /** Where a role connects. */
  url(role: string = SUPERUSER, password: string = this.#password): string {
    return `postgresql://${role}:${password}@127.0.0.1:${this.#port}/postgres`;
  }

  protected override spawn(): Promise<ManagedProcess> {
    return this.#run(this.#binaries.postgres, [
      "-D",
      this.#dataDirectory,
      "-p",
      String(this.#port),
      ...Object.entries(SERVER_OPTIONS).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ], "SIGQUIT");
  }

  protected override isReady({ lines }: ManagedProcess): boolean {
    return lines.some((line) => line.endsWith("database system is ready to accept connections"));
  }

  get #dataDirectory(): string {
    return join(this.#directory, "data");
  }

  async #initialise(): Promise<void> {
    const passwordFile = join(this.#directory, "password");
    await Deno.writeTextFile(passwordFile, this.#password, { mode: 0o600, createNew: true });
    await give(passwordFile, this.#user);
    const initdb = await this.#run(this.#binaries.initdb, [
      `--pgdata=${this.#dataDirectory}`,
      `--pwfile=${passwordFile}`,
      ...INITDB_OPTIONS,
      ...localeOptions(this.#binaries.version),
    ], "SIGKILL");
    const { success } = await initdb.ended;
    await Deno.remove(passwordFile);
    if (!success) throw initdb.failure("initdb failed");
  }

  #run(command: string, args: string[], finalSignal: FinalSignal): Promise<ManagedProcess> {
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
