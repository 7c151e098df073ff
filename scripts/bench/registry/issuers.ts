/** Issuers by the thousand: their keys, their rows and their tokens. */
import { Buffer } from "node:buffer";
import type postgres from "postgres";

export const ROLE = "bench_writer";

/** What every target of this benchmark needs. */
export const SCHEMA = `select countersign.create_writer_role('${ROLE}')`;

export interface BenchIssuer {
  readonly issuer: string;
  readonly publicKey: string;
  readonly kid: string;
  readonly key: CryptoKey;
}

/** An issuer with an Ed25519 key, not registered yet. */
export async function makeIssuer(issuer: string): Promise<BenchIssuer> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new TypeError("Expected a key pair");
  const spki = await crypto.subtle.exportKey("spki", pair.publicKey);
  const digest = await crypto.subtle.digest("SHA-256", spki);
  const body = Buffer.from(spki).toString("base64");
  return {
    issuer,
    publicKey: `-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----\n`,
    kid: Buffer.from(digest).toString("base64url"),
    key: pair.privateKey,
  };
}

export async function makeIssuers(prefix: string, count: number): Promise<BenchIssuer[]> {
  const made: BenchIssuer[] = [];
  for (let from = 0; from < count; from += 500) {
    const size = Math.min(500, count - from);
    made.push(
      ...await Promise.all(
        Array.from({ length: size }, (_, i) => makeIssuer(`${prefix}-${from + i}`)),
      ),
    );
  }
  return made;
}

/** A token that is new each time. */
export async function sign({ issuer, kid, key }: BenchIssuer): Promise<string> {
  const iat = Math.floor(Date.now() / 1000);
  const input = [
    { alg: "EdDSA", typ: "JWT", kid },
    { iss: issuer, sub: "bench", role: ROLE, iat, exp: iat + 3_600, jti: crypto.randomUUID() },
  ].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  const signature = await crypto.subtle.sign("Ed25519", key, Buffer.from(input));
  return `${input}.${Buffer.from(signature).toString("base64url")}`;
}

const STATEMENT = 2_000;

/**
 * Registers issuers in statements of two thousand rows, with every trigger on: each row is checked,
 * audited and announced as it would be one by one.
 */
export async function register(
  sql: postgres.Sql,
  issuers: readonly BenchIssuer[],
): Promise<void> {
  for (let from = 0; from < issuers.length; from += STATEMENT) {
    const rows = issuers.slice(from, from + STATEMENT);
    const names = rows.map(({ issuer }) => issuer);
    const keys = rows.map(({ publicKey }) => publicKey);
    await sql.begin(async (transaction) => {
      await transaction`
        insert into public.jwt_issuers (issuer, allowed_roles, max_token_lifetime)
        select name, array[${ROLE}], interval '1 hour' from unnest(${names}::text[]) as name`;
      await transaction`
        insert into public.jwt_public_keys (issuer, public_key, algorithm)
        select name, key, 'EdDSA' from unnest(${names}::text[], ${keys}::text[]) as u(name, key)`;
    });
  }
}
