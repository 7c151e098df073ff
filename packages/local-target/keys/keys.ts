import { Buffer } from "node:buffer";
import { createHmac, randomBytes } from "node:crypto";

/** The project's keys: what a Supabase dashboard shows under "API keys". */
export interface ProjectKeys {
  /** Legacy key: a JWT with the role `anon`. */
  readonly anonKey: string;
  /** Legacy key: a JWT with the role `service_role`. */
  readonly serviceRoleKey: string;
  /** `sb_publishable_…`: stands for `anonKey`. */
  readonly publishableKey: string;
  /** `sb_secret_…`: stands for `serviceRoleKey`. */
  readonly secretKey: string;
  /** The HS256 secret that PostgREST verifies with. */
  readonly jwtSecret: string;
}

const TEN_YEARS = 10 * 365 * 24 * 60 * 60;

/** Makes new keys; the two JWTs are signed with `jwtSecret`. */
export function createProjectKeys(
  jwtSecret: string,
  now: () => number = Date.now,
): ProjectKeys {
  const iat = Math.floor(now() / 1000);
  const legacyKey = (role: string) =>
    signHs256({ iss: "supabase-demo", ref: "local", role, iat, exp: iat + TEN_YEARS }, jwtSecret);
  return {
    anonKey: legacyKey("anon"),
    serviceRoleKey: legacyKey("service_role"),
    publishableKey: `sb_publishable_${randomText(24)}`,
    secretKey: `sb_secret_${randomText(24)}`,
    jwtSecret,
  };
}

/** Random base64url text of `bytes` bytes of entropy. */
export function randomText(bytes: number): string {
  return randomBytes(bytes).toString("base64url");
}

function signHs256(claims: Record<string, unknown>, secret: string): string {
  const input = [{ alg: "HS256", typ: "JWT" }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}
