/** A registry behind `fetch`, for the tests of the REST source. */
import assert from "node:assert/strict";
import { JwtVerificationError, type KeySource, restKeySource } from "../mod.ts";
import type { RestKeySourceOptions } from "../mod.ts";

export const SUPABASE_URL = "https://ref.supabase.co";
export const SECRET = "sb_secret_0123456789";

type Row = Record<string, unknown>;
export const rowOf = (issuer: string): Row => ({
  issuer,
  is_active: true,
  allowed_roles: ["writer"],
  default_role: null,
  allowed_subjects: null,
  allow_user_subjects: false,
  allowed_claims: null,
  audiences: null,
  max_token_lifetime: 300,
  reject_issued_before: null,
  single_use: false,
  mode: "enforce",
  keys: [{
    kid: "k",
    algorithm: "EdDSA",
    public_key: "pem",
    not_before: null,
    not_after: null,
  }],
  revoked_kids: [],
});

/** A registry behind `fetch`, with a clock. It answers what a filter on equality would. */
export class Registry {
  readonly rows = new Map<string, Row>();
  readonly requests: Request[] = [];
  milliseconds = 1_800_000_000_000;
  /** Answers in place of the registry. */
  answer: ((request: Request) => Response | Promise<Response>) | undefined;

  readonly fetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    this.requests.push(request);
    // As on the wire: never in the same turn.
    await Promise.resolve();
    if (this.answer !== undefined) return this.answer(request);
    const filter = new URL(request.url).searchParams.get("issuer") ?? "";
    const row = filter.startsWith("eq.") ? this.rows.get(filter.slice(3)) : undefined;
    return Response.json(row === undefined ? [] : [row]);
  };

  source(options: Partial<RestKeySourceOptions> = {}): KeySource {
    return restKeySource({
      supabaseUrl: SUPABASE_URL,
      serviceRoleKey: SECRET,
      fetch: this.fetch,
      now: () => this.milliseconds,
      ...options,
    });
  }

  put(issuer: string, change: Row = {}): void {
    this.rows.set(issuer, { ...this.rows.get(issuer) ?? rowOf(issuer), ...change });
  }
}

/** The refusal that an attempt ends in. */
export async function refused(attempt: () => unknown): Promise<JwtVerificationError> {
  try {
    await attempt();
  } catch (error) {
    assert.ok(error instanceof JwtVerificationError, String(error));
    assert.equal(error.code, "registry_unavailable");
    return error;
  }
  return assert.fail("Expected a refusal");
}
