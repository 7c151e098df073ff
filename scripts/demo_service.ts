/**
 * A backend service of the demo: it holds its private key, and writes with tokens that it signs
 * itself.
 */
import { generateIssuerKeyPair, type IssuerKeyPair, signMultiIssuerJwt } from "@countersign/signer";
import { DemoFailure } from "./demo_report.ts";

export interface Answer {
  readonly status: number;
  /** `code` of an error, as PostgREST and the function both send it. */
  readonly code: string | undefined;
  readonly rows: readonly Record<string, unknown>[];
}

export class DemoService {
  readonly name: string;
  readonly role: string;
  #pair: IssuerKeyPair;

  private constructor(name: string, role: string, pair: IssuerKeyPair) {
    this.name = name;
    this.role = role;
    this.#pair = pair;
  }

  static async create(name: string, role: string): Promise<DemoService> {
    return new DemoService(name, role, await generateIssuerKeyPair());
  }

  get publicKey(): string {
    return this.#pair.publicKey;
  }

  get kid(): string {
    return this.#pair.kid;
  }

  /** The same service with a key of its own making. */
  async withNewKey(): Promise<DemoService> {
    return await DemoService.create(this.name, this.role);
  }

  /** Signs a token for the target. */
  token(audience: string, { role = this.role, expiresIn = "60s" } = {}): Promise<string> {
    return signMultiIssuerJwt({
      privateKey: this.#pair.privateKey,
      issuer: this.name,
      audience,
      claims: { sub: `${this.name}-worker`, role },
      expiresIn,
    });
  }
}

/** Sends one request through the function, or past it: that takes the project's URL and an API key. */
export async function ask(
  url: string,
  path: string,
  token: string,
  row?: Record<string, unknown>,
  apikey?: string,
): Promise<Answer> {
  const response = await fetch(`${url}/rest/v1/${path}`, {
    method: row === undefined ? "GET" : "POST",
    headers: {
      ...(apikey !== undefined && { apikey }),
      "Authorization": `Bearer ${token}`,
      "Content-Type": "application/json",
      "Prefer": "return=representation",
    },
    ...(row === undefined ? {} : { body: JSON.stringify(row) }),
  });
  const body: unknown = await response.json();
  if (Array.isArray(body)) return { status: response.status, code: undefined, rows: body };
  const code = typeof body === "object" && body !== null && "code" in body
    ? String(body.code)
    : undefined;
  return { status: response.status, code, rows: [] };
}

/** What happened, as `status code`; throws unless it is what was to happen. */
export function expect(what: string, { status, code }: Answer, expected: string): string {
  const found = code === undefined ? String(status) : `${status} ${code}`;
  if (found === expected) return found;
  throw new DemoFailure(`${what}: expected ${expected}, got ${found}`);
}
