import { readProjectUrl } from "@countersign/verifier";
import { PostgrestClient } from "@supabase/postgrest-js";
import { RegistryError } from "../errors.ts";
import type {
  Columns,
  Condition,
  Query,
  RegistryStore,
  Relation,
  RotatedRows,
  RotationParameters,
  Row,
  RowChange,
} from "./registry_store.ts";
import { databaseError } from "./database_error.ts";
import { rotatedRows } from "./rotation.ts";
import type { RestTarget } from "../target.ts";

const TIMEOUT_MS = 15_000;
const PAGE = 1000;

/**
 * `sb_secret_…` keys are not JWTs: the gateway takes them in `apikey` and turns them into a role itself.
 * A legacy `service_role` key is a JWT, which PostgREST wants to see in `Authorization`.
 */
function credentials(serviceRoleKey: string): Record<string, string> {
  if (!/^[\x21-\x7e]+$/.test(serviceRoleKey)) {
    throw new RegistryError(
      "invalid_argument",
      "Expected a service key without white space; check how it was pasted",
    );
  }
  if (serviceRoleKey.startsWith("sb_publishable_")) {
    throw new RegistryError(
      "not_authorized",
      "Expected a secret key, found a publishable one, which cannot administer the registry",
    );
  }
  return serviceRoleKey.startsWith("sb_")
    ? { apikey: serviceRoleKey }
    : { apikey: serviceRoleKey, Authorization: `Bearer ${serviceRoleKey}` };
}

/** A header holds ASCII, so the reason travels as a JSON text. The audit log's trigger reads it. */
function reasonHeader(reason: string | undefined): Record<string, string> {
  if (reason === undefined) return {};
  const ascii = JSON.stringify(reason).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return { "Countersign-Reason": ascii };
}

function projectUrl(supabaseUrl: string): URL {
  try {
    return new URL(readProjectUrl(supabaseUrl));
  } catch (error) {
    const message = error instanceof TypeError ? error.message : "Expected the project's URL";
    throw new RegistryError("invalid_argument", message);
  }
}

interface Answer {
  readonly data: unknown;
  readonly error:
    | { readonly code?: string; readonly message?: string; readonly hint?: string }
    | null;
  readonly status: number;
}

/** The registry through the target's PostgREST, as `service_role`. */
export class RestStore implements RegistryStore {
  readonly host: string;
  readonly #client: PostgrestClient;

  constructor({ supabaseUrl, serviceRoleKey, reason, fetch }: RestTarget) {
    const url = projectUrl(supabaseUrl);
    this.host = url.host;
    this.#client = new PostgrestClient(`${url.origin}${url.pathname.replace(/\/+$/, "")}/rest/v1`, {
      headers: { ...credentials(serviceRoleKey), ...reasonHeader(reason) },
      timeout: TIMEOUT_MS,
      retry: false,
      ...(fetch === undefined ? {} : { fetch }),
    });
  }

  async select(relation: Relation, query: Query = {}): Promise<Row[]> {
    const { where = [], order = [], descending = false, limit = Infinity } = query;
    const rows: Row[] = [];
    let first: string | undefined;
    // A target gives at most its `max_rows` at a time, and does not say when it gave less than was asked for.
    for (;;) {
      let request = filtered(this.#client.from(relation).select(), where);
      for (const column of order) request = request.order(column, { ascending: !descending });
      const { data, error, status } = await request
        .range(rows.length, Math.min(limit, rows.length + PAGE) - 1);
      const page = this.#rows({ data, error, status });
      rows.push(...page);
      if (page.length === 0 || rows.length >= limit) return rows;
      // What answers is no PostgREST if it gives the same page again; it would do so for ever.
      const again = JSON.stringify(page[0]);
      if (again === first) throw noAnswer(this.host, status);
      first = again;
    }
  }

  async insert(relation: Relation, columns: Columns, key: string): Promise<Row[]> {
    return this.#rows(
      await this.#client.from(relation)
        .upsert(columns, { onConflict: key, ignoreDuplicates: true }).select(),
    );
  }

  async update(relation: Relation, columns: Columns, where: readonly Condition[]): Promise<Row[]> {
    return this.#rows(await filtered(this.#client.from(relation).update(columns), where).select());
  }

  async remove(relation: Relation, where: readonly Condition[]): Promise<Row[]> {
    return this.#rows(await filtered(this.#client.from(relation).delete(), where).select());
  }

  readonly setGuard = null;

  async applyChanges(changes: readonly RowChange[], expectedRevision: string): Promise<void> {
    const { data, error, status } = await this.#client.rpc("jwt_apply_plan", {
      changes,
      expected_revision: expectedRevision,
    });
    if (error !== null) throw refusedOverRest(error, status, this.host);
    if (typeof data !== "string") throw noAnswer(this.host, status);
  }

  async rotateKey(parameters: RotationParameters): Promise<RotatedRows> {
    const { data, error, status } = await this.#client.rpc("jwt_rotate_key", parameters);
    if (error !== null) throw refusedOverRest(error, status, this.host);
    return rotatedRows(data, this.host);
  }

  #rows({ data, error, status }: Answer): Row[] {
    if (error !== null) throw refusedOverRest(error, status, this.host);
    if (!Array.isArray(data)) throw noAnswer(this.host, status);
    return data;
  }
}

interface Filterable<T> {
  filter(column: string, operator: string, value: unknown): T;
  or(filters: string): T;
}

function filtered<T extends Filterable<T>>(request: T, where: readonly Condition[]): T {
  return where.reduce((so, [column, operator, value]) => {
    switch (operator) {
      case "ltOrNull":
        return so.or(`${column}.is.null,${column}.lt."${value}"`);
      case "gtOrNull":
        return so.or(`${column}.is.null,${column}.gt."${value}"`);
      default:
        return so.filter(column, operator, value);
    }
  }, request);
}

function noAnswer(host: string, status: number): RegistryError {
  const found = status === 0 ? "no answer" : `status ${status}`;
  return new RegistryError(
    "unreachable",
    `Expected a PostgREST answer from "${host}", found ${found}; check the URL and that the project is running`,
  );
}

function refusedOverRest(
  error: NonNullable<Answer["error"]>,
  status: number,
  host: string,
): RegistryError {
  const { code, message, hint } = error;
  if (code) {
    return databaseError({ sqlstate: code, message: message ?? "", hint: hint ?? "" }, host);
  }
  // What PostgREST 12 says when it is to change a table that is not there: an empty object.
  if (status === 404 && message === undefined) {
    return databaseError({ sqlstate: "42P01", message: "", hint: "" }, host);
  }
  // The gateway's own answers have no code, and may quote what was sent to it.
  if (status === 401 || status === 403) {
    return new RegistryError(
      "not_authorized",
      `Expected a service key of "${host}"; the gateway refused this one`,
    );
  }
  return noAnswer(host, status);
}
