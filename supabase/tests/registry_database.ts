import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import postgres from "postgres";

/** One of `supabase/migrations`, read from its file: that is what `supabase db push` applies. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
}

const DIRECTORY = new URL("../migrations/", import.meta.url);

/** Every migration, in the order in which they apply. */
export const MIGRATIONS: readonly Migration[] = Array.from(Deno.readDirSync(DIRECTORY))
  .map(({ name }) => ({ name, sql: Deno.readTextFileSync(new URL(name, DIRECTORY)) }))
  .sort((one, other) => one.name < other.name ? -1 : 1);

/** A role as the request's: PostgREST's `SET ROLE`, and the claims it hands on. */
export interface Requester {
  readonly role: string;
  readonly claims?: Readonly<Record<string, unknown>>;
}

export type Work<T> = (sql: postgres.TransactionSql) => Promise<T>;

/** A target with the registry, for one test file. */
export class RegistryDatabase {
  private constructor(
    readonly target: LocalTarget,
    /** The hosted-like `postgres`, who owns the registry. */
    readonly owner: postgres.Sql,
    readonly superuser: postgres.Sql,
  ) {}

  /**
   * Starts one whose registry has two writer roles, `widgets_writer` and `gadgets_writer`.
   *
   * @param before What the project's owner has run earlier
   */
  static async start(before: readonly string[] = []): Promise<RegistryDatabase> {
    const target = await startLocalTarget({
      migrations: false,
      function: false,
      sql: [
        ...before,
        ...MIGRATIONS.map(({ sql }) => sql),
        "select countersign.create_writer_role('widgets_writer')",
        "select countersign.create_writer_role('gadgets_writer')",
      ],
    });
    return new RegistryDatabase(
      target,
      connect(target.databaseUrl),
      connect(target.superuserUrl),
    );
  }

  async stop(): Promise<void> {
    await this.owner.end();
    await this.superuser.end();
    await this.target.stop();
  }

  /** Runs `work` as the owner in a transaction that is rolled back. */
  undone<T>(work: Work<T>): Promise<T> {
    return undone(this.owner, work);
  }

  /** Runs `work` as a request would, in a transaction that is rolled back. */
  asRequest<T>(requester: Requester, work: Work<T>): Promise<T> {
    return undone(this.superuser, async (sql) => {
      await becomeRequest(sql, requester);
      return await work(sql);
    });
  }

  /** Sends a request to PostgREST with a token that the target accepts. */
  async fetch(
    path: string,
    claims: Readonly<Record<string, unknown>>,
    init: RequestInit = {},
  ): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("apikey", this.target.anonKey);
    headers.set("authorization", `Bearer ${hs256(this.target.jwtSecret, claims)}`);
    return await fetch(`${this.target.restUrl}${path}`, { ...init, headers });
  }
}

function hs256(secret: string, claims: Readonly<Record<string, unknown>>): string {
  const base64url = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + 60;
  const input = `${base64url({ alg: "HS256", typ: "JWT" })}.${base64url({ exp, ...claims })}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}

/** Connections that open when needed and say nothing. */
export function connect(url: string, options: postgres.Options<Record<string, never>> = {}) {
  return postgres(url, { max: 1, onnotice: () => {}, ...options });
}

/** Becomes what PostgREST makes of its connection for one request. */
export async function becomeRequest(sql: postgres.ISql, { role, claims }: Requester) {
  const text = JSON.stringify({ role, ...claims });
  await sql`select set_config('request.jwt.claims', ${text}, true), set_config('role', ${role}, true)`;
}

/** Runs `work` in a transaction that is rolled back. */
export async function undone<T>(sql: postgres.Sql, work: Work<T>): Promise<T> {
  const rollback = Symbol("rollback");
  let result: { value: T } | undefined;
  await sql.begin(async (transaction) => {
    result = { value: await work(transaction) };
    throw rollback;
  }).catch((reason) => {
    if (reason !== rollback) throw reason;
  });
  assert(result !== undefined);
  return result.value;
}

/** A check for `assert.rejects`: Postgres said this code, and a message that matches. */
export function refusal(code: string, message: RegExp = /./): (reason: unknown) => true {
  return (reason) => {
    assert(reason instanceof postgres.PostgresError, String(reason));
    assert.equal(reason.code, code, reason.message);
    assert.match(reason.message, message);
    return true;
  };
}

/** A well-formed Ed25519 key that nobody holds the private half of. */
export async function ed25519Pem(seed: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(seed));
  return pem(
    new Uint8Array([
      ...[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00],
      ...new Uint8Array(digest),
    ]),
  );
}

/** DER as a PEM block `PUBLIC KEY`, with lines of 64 characters. */
export function pem(der: Uint8Array): string {
  const lines = btoa(String.fromCharCode(...der)).match(/.{1,64}/g) ?? [];
  return ["-----BEGIN PUBLIC KEY-----", ...lines, "-----END PUBLIC KEY-----", ""].join("\n");
}

/** Registers an issuer with one key and a policy. */
export async function register(
  sql: postgres.ISql,
  issuer: string,
  policy: Readonly<Record<string, postgres.SerializableParameter>> = {},
): Promise<string> {
  const row = { issuer, allowed_roles: ["widgets_writer"], ...policy };
  await sql`insert into jwt_issuers ${sql(row)}`;
  const [key] = await sql<{ kid: string }[]>`
    insert into jwt_public_keys (issuer, public_key, algorithm)
    values (${issuer}, ${await ed25519Pem(issuer)}, 'EdDSA') returning kid`;
  assert(key !== undefined);
  return key.kid;
}

/** The claims of a downstream token, as the proxy makes them. */
export function countersigned(
  issuer: string,
  kid: string,
  claims: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    iss: issuer,
    sub: "worker-1",
    role: "widgets_writer",
    iat: Math.floor(Date.now() / 1000),
    countersign: { kid },
    ...claims,
  };
}
