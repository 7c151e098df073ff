/** A fleet of real functions, each a process, on one real registry that counts its statements. */
import { HttpConnection } from "@countersign/fixture";
import type { SpawnedFunction } from "@countersign/fixture/stage";
import postgres, { type Sql } from "postgres";
import { BenchStage, ROW } from "../bench/stage.ts";

/** Processes that start at a time: more would only wait for each other. */
const AT_A_TIME = 4;

export interface Statements {
  readonly versionReads: number;
  readonly issuerReads: number;
}

export class RealFleet implements AsyncDisposable {
  readonly #stage: BenchStage;
  readonly #workers: readonly SpawnedFunction[];
  readonly #tokens: readonly string[];
  readonly sql: Sql;

  private constructor(
    stage: BenchStage,
    workers: readonly SpawnedFunction[],
    tokens: readonly string[],
    sql: Sql,
  ) {
    this.#stage = stage;
    this.#workers = workers;
    this.#tokens = tokens;
    this.sql = sql;
  }

  static async open(workers: number, issuers: number, listen: boolean): Promise<RealFleet> {
    const stage = await BenchStage.open();
    const { target } = stage;
    const before = postgres(target.superuserUrl, { max: 1, onnotice: () => {} });
    await before`alter system set shared_preload_libraries = 'pg_stat_statements'`;
    await before.end();
    await target.postgres.restart();
    const sql = postgres(target.superuserUrl, { max: 1, onnotice: () => {}, prepare: false });
    await sql`create extension pg_stat_statements schema public`;

    const tokens: string[] = [];
    for (let i = 0; i < issuers; i++) {
      const { sign } = await stage.register(issuerName(i), "EdDSA");
      tokens.push(await sign());
    }
    const upstream = await stage.start("scripts/bench/constant_upstream.ts");
    const running: SpawnedFunction[] = [];
    while (running.length < workers) {
      const more = Math.min(AT_A_TIME, workers - running.length);
      running.push(
        ...await Promise.all(
          Array.from({ length: more }, () =>
            stage.startFunction(upstream.origin, undefined, {
              COUNTERSIGN_DB_LISTEN: `${listen}`,
            })),
        ),
      );
    }
    return new RealFleet(stage, running, tokens, sql);
  }

  /** Connections of the workers to the registry. */
  async connections(): Promise<number> {
    const [row] = await this.sql`
      select count(*)::int as connections from pg_stat_activity
      where backend_type = 'client backend' and query ~ 'jwt_registry_version|countersign_registry'
        and pid <> pg_backend_pid()`;
    return row!.connections;
  }

  async forgetStatements(): Promise<void> {
    await this.sql`select public.pg_stat_statements_reset()`;
  }

  async statements(): Promise<Statements> {
    const [row] = await this.sql`
      select
        coalesce(sum(calls) filter (where query !~ 'jwt_issuer_policies'), 0)::int as version_reads,
        coalesce(sum(calls) filter (where query ~ 'jwt_issuer_policies'), 0)::int as issuer_reads
      from public.pg_stat_statements
      where query ~ 'jwt_registry_version' and query !~ 'pg_stat_activity'`;
    return { versionReads: row!.version_reads, issuerReads: row!.issuer_reads };
  }

  /**
   * Sends each worker requests for `seconds`, evenly spaced, one at a time, the first within `startsWithinSec`.
   *
   * @param issuer Chooses an issuer for a request.
   * @param onStatus Told each answer: the worker, when its request was sent, and the status.
   * @returns How many requests were sent.
   */
  async send(
    requestsPerSec: number,
    seconds: number,
    startsWithinSec: number,
    issuer: () => number,
    onStatus: (worker: number, sentAt: number, status: number) => void,
  ): Promise<number> {
    const end = performance.now() + seconds * 1_000;
    let sent = 0;
    await Promise.all(this.#workers.map(async ({ origin }, worker) => {
      using connection = await HttpConnection.open(origin);
      const step = 1_000 / requestsPerSec;
      let due = performance.now() + Math.random() * startsWithinSec * 1_000;
      while (due < end) {
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
        const token = this.#tokens[issuer()]!;
        const sentAt = performance.now();
        const { status } = await connection.send(
          `GET /rest/v1${ROW} HTTP/1.1\r\nHost: scale\r\nAuthorization: Bearer ${token}\r\n\r\n`,
        );
        onStatus(worker, sentAt, status);
        sent++;
        due = Math.max(due + step, performance.now());
      }
    }));
    return sent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sql.end({ timeout: 1 });
    await this.#stage[Symbol.asyncDispose]();
  }
}

export function issuerName(i: number): string {
  return `issuer-${i}`;
}
