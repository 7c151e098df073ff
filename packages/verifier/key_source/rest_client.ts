import { JwtVerificationError } from "../errors.ts";
import { readProjectUrl } from "../options/project_url.ts";
import { PROVIDER_COLUMNS } from "./rows/provider_row.ts";
import { POLICY_COLUMNS } from "./rows/registry_row.ts";

/** How to reach the registry of a project. */
export interface RegistryReaderOptions {
  readonly supabaseUrl: string;
  readonly serviceRoleKey: string;
  readonly fetch: typeof fetch;
  /** Milliseconds within which the whole answer has to be there. */
  readonly queryTimeout: number;
}

/** One row, and its text. */
export interface RegistryAnswer {
  readonly row: unknown;
  readonly text: string;
}

/** What can be read of one of the registry's views. A row that is not there is `undefined`. */
export interface RowReader {
  /** The row of this name. */
  row(name: string): Promise<RegistryAnswer | undefined>;
  /** The rows of several names. One that has none is left out. */
  rows(names: readonly string[]): Promise<ReadonlyMap<string, RegistryAnswer>>;
}

/** What can be read of a registry. A row that is not there is `undefined`. */
export interface RegistryReader {
  /** `jwt_issuer_policies`, by issuer. */
  readonly issuers: RowReader;
  /** `jwt_federation_policies`, by provider. Empty where the registry has no such view. */
  readonly providers: RowReader;
  /** Rejects if the registry's version cannot be read. */
  check(): Promise<void>;
  /** The newest row of `jwt_seal_keys`; also `undefined` where the registry has no such view. */
  sealKey(): Promise<RegistryAnswer | undefined>;
  /** Whether the database names the guard as PostgREST's pre-request function. */
  guardIsOn(): Promise<boolean>;
}

/** Many times what two hundred issuers with a few keys take, and one with a hundred. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const UNREADABLE = "The registry cannot be reached, or its answer cannot be read";

/**
 * Makes what reads rows of the registry over PostgREST.
 *
 * It rejects on any doubt. Its errors hold neither the service key nor the issuer's name: the name comes from a
 * token that is not verified, and the platform's own errors quote the URL that it is part of.
 *
 * @throws {TypeError} The URL or the key is not valid.
 */
export function registryReader(options: RegistryReaderOptions): RegistryReader {
  // Called as a method of the options it would have them as `this`, which Workers refuse.
  const { fetch, queryTimeout } = options;
  const base = `${readProjectUrl(options.supabaseUrl)}/rest/v1`;
  const headers = credentials(options.serviceRoleKey);
  const newestSealKey =
    `${base}/jwt_seal_keys?select=id,secret&order=created_at.desc,id.asc&limit=1`;

  async function read(url: string): Promise<{ readonly status: number; readonly text: string }> {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), queryTimeout);
    try {
      const response = await fetch(url, {
        headers,
        signal: controller.signal,
        // A redirect would take the service key to another origin.
        redirect: "manual",
      });
      return { status: response.status, text: await readBody(response) };
    } catch (error) {
      if (error instanceof JwtVerificationError) throw error;
      throw unavailable(
        controller.signal.aborted
          ? `The registry did not answer within ${queryTimeout} ms`
          : UNREADABLE,
      );
    } finally {
      clearTimeout(timer);
    }
  }

  function rowReader(view: string, key: string, columns: readonly string[]): RowReader {
    const all = `${base}/${view}?select=${columns.join(",")}`;
    const isMissing = (status: number) => status === 404 && key === "provider";
    return {
      async row(name) {
        const { status, text } = await read(`${all}&${key}=eq.${encodeURIComponent(name)}`);
        return isMissing(status) ? undefined : onlyRow(status, text);
      },
      async rows(names) {
        const [first = "", ...others] = names;
        const filter = others.length === 0
          ? `eq.${encodeURIComponent(first)}`
          : `in.(${encodeURIComponent(names.map(quoted).join(","))})`;
        const { status, text } = await read(`${all}&${key}=${filter}`);
        return isMissing(status) ? new Map() : byName(rowsIn(status, text), key, names);
      },
    };
  }

  return {
    issuers: rowReader("jwt_issuer_policies", "issuer", POLICY_COLUMNS),
    providers: rowReader("jwt_federation_policies", "provider", PROVIDER_COLUMNS),
    async check() {
      const { status, text } = await read(`${base}/jwt_registry_version?select=version`);
      const row: unknown = onlyRow(status, text)?.row;
      if (typeof row === "object" && row !== null && "version" in row) return;
      throw unavailable("Expected the registry to have a version: apply the migrations");
    },
    async sealKey() {
      const { status, text } = await read(newestSealKey);
      return status === 404 ? undefined : onlyRow(status, text);
    },
    async guardIsOn() {
      const { status, text } = await read(`${base}/jwt_registry_version?select=guard_enabled`);
      const row: unknown = onlyRow(status, text)?.row;
      return typeof row === "object" && row !== null && Reflect.get(row, "guard_enabled") === true;
    },
  };
}

/** A legacy key is a JWT and goes into both headers; `sb_secret_…` is none, and goes into `apikey` only. */
function credentials(serviceRoleKey: string): Readonly<Record<string, string>> {
  if (typeof serviceRoleKey !== "string" || !/^[\x21-\x7e]+$/.test(serviceRoleKey)) {
    throw new TypeError('Expected "serviceRoleKey" to be the service_role JWT or an sb_secret key');
  }
  const isJwt = serviceRoleKey.split(".").length === 3;
  return {
    accept: "application/json",
    "accept-profile": "public",
    "cache-control": "no-cache",
    apikey: serviceRoleKey,
    ...(isJwt && { authorization: `Bearer ${serviceRoleKey}` }),
  };
}

async function readBody(response: Response): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) throw unavailable("The registry's answer is too long");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function onlyRow(status: number, text: string): RegistryAnswer | undefined {
  const rows = rowsIn(status, text);
  if (rows.length > 1) throw unavailable("Expected the registry to answer with at most one row");
  return rows.length === 0 ? undefined : answerOf(rows[0]);
}

function rowsIn(status: number, text: string): readonly unknown[] {
  if (status !== 200) throw unavailable(`The registry answered with status ${status}`);
  const rows = parse(text);
  if (!Array.isArray(rows)) {
    throw unavailable("Expected the registry to answer with a list of rows");
  }
  return rows;
}

/** A row has the same text whether it came alone or with others. */
function answerOf(row: unknown): RegistryAnswer {
  return { row, text: JSON.stringify(row) };
}

function byName(
  rows: readonly unknown[],
  key: string,
  names: readonly string[],
): ReadonlyMap<string, RegistryAnswer> {
  const asked = new Set(names);
  const answers = new Map<string, RegistryAnswer>();
  for (const row of rows) {
    const name: unknown = typeof row === "object" && row !== null
      ? Reflect.get(row, key)
      : undefined;
    // One row that was not asked for, and none of them is to be trusted.
    if (typeof name !== "string" || !asked.delete(name)) {
      throw unavailable("Expected the registry to answer with one row for each name");
    }
    answers.set(name, answerOf(row));
  }
  return answers;
}

/** PostgREST's notation for a value in a list. */
function quoted(value: string): string {
  return `"${value.replace(/[\\"]/g, "\\$&")}"`;
}

/** The parser's own error would quote the answer. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unavailable(UNREADABLE);
  }
}

function unavailable(message: string): JwtVerificationError {
  return new JwtVerificationError("registry_unavailable", message);
}
