/** A target with the guard on, whose PostgREST trusts others beside the proxy. */
import { keyFor, newName, payloadOf, TokenForge, UpstreamTap } from "@countersign/fixture";
import { inProcess, postgresUnderTest, SCHEMA } from "@countersign/fixture/stage";
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import { registerPublicKey } from "@countersign/registry-admin";
import assert from "node:assert/strict";
import postgres from "postgres";
import { TrustedKey } from "./trusted_keys.ts";

/** The payload of a token. */
export type Claims = Readonly<Record<string, unknown>>;

/** What PostgREST answered to a token that it was sent past the proxy. */
export interface Verdict {
  readonly status: number;
  readonly code: string | undefined;
  readonly body: unknown;
}

export class SealStage implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #origin: string;
  readonly #upstream: UpstreamTap;

  private constructor(
    stack: AsyncDisposableStack,
    origin: string,
    upstream: UpstreamTap,
    readonly target: LocalTarget,
    readonly sql: postgres.Sql,
    /** Keys that PostgREST trusts, and the proxy does not hold. */
    readonly foreigners: readonly TrustedKey[],
    readonly billing: TokenForge,
    readonly crm: TokenForge,
  ) {
    this.#stack = stack;
    this.#origin = origin;
    this.#upstream = upstream;
  }

  static async open(): Promise<SealStage> {
    await using stack = new AsyncDisposableStack();
    const ours = await TrustedKey.create("the proxy's", "ES256");
    const foreigners = [
      await TrustedKey.create("a third party's", "RS256"),
      await TrustedKey.create("a partner's", "EdDSA"),
    ];
    const keys = [foreigners[0], ours, foreigners[1]].map((key) => key?.publicJwk);
    const target = stack.use(
      await startLocalTarget({
        ...postgresUnderTest(),
        function: false,
        sql: [SCHEMA, "select countersign.guard_enable()"],
        postgrest: { jwtSecret: JSON.stringify({ keys }) },
      }),
    );
    const sql = postgres(target.databaseUrl, { max: 1, onnotice: () => {} });
    stack.defer(() => sql.end({ timeout: 1 }));
    const register = async (issuer: string) => {
      const material = await keyFor(issuer);
      await registerPublicKey({ sql, ...material, roles: ["widgets_writer"] });
      return new TokenForge(material, { sub: "press-1", role: "widgets_writer" });
    };
    const billing = await register("billing");
    const crm = await register("crm");
    const upstream = stack.use(new UpstreamTap(target.url));
    const running = stack.use(
      await inProcess.start({
        SUPABASE_URL: target.url,
        SUPABASE_DB_URL: target.databaseUrl,
        SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: target.publishableKey }),
        COUNTERSIGN_UPSTREAM_URL: `${upstream.url}/rest/v1`,
        COUNTERSIGN_SIGNING_JWK: ours.privateJwk,
      }),
    );
    return new SealStage(
      stack.move(),
      running.origin,
      upstream,
      target,
      sql,
      foreigners,
      billing,
      crm,
    );
  }

  /** The claims that PostgREST accepted from the proxy for a token of this issuer. */
  async sealedClaims(issuer: TokenForge, claims: Claims = {}): Promise<Claims> {
    const response = await fetch(`${this.#origin}/rest/v1/rpc/whoami`, {
      headers: { authorization: `Bearer ${issuer.token({ claims: { ...claims } })}` },
    });
    assert.equal(response.status, 200, await response.text());
    return payloadOf(this.#upstream.asked.at(-1)?.headers.get("authorization") ?? "");
  }

  /** The claims that Postgres sees of an issuer's token that the proxy has swapped. */
  async through(token: string): Promise<Claims> {
    const response = await fetch(`${this.#origin}/rest/v1/rpc/whoami`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text).claims;
  }

  /** Asks PostgREST who this token is. */
  whoami(token: string): Promise<Verdict> {
    return this.#ask("/rpc/whoami", token);
  }

  /** Writes a row with this token. */
  write(token: string, name: string = newName()): Promise<Verdict> {
    return this.#ask("/widgets", token, { name });
  }

  async #ask(path: string, token: string, row?: object): Promise<Verdict> {
    const response = await fetch(this.target.postgrestUrl + path, {
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(row && { method: "POST", body: JSON.stringify(row) }),
    });
    const text = await response.text();
    const body = text === "" ? undefined : JSON.parse(text);
    return { status: response.status, code: body?.code, body };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
