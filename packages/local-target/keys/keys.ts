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
export async function createProjectKeys(
  jwtSecret: string,
  now: () => number = Date.now,
): Promise<ProjectKeys> {
  const iat = Math.floor(now() / 1000);
  const legacyKey = (role: string) =>
    signHs256({ iss: "supabase-demo", ref: "local", role, iat, exp: iat + TEN_YEARS }, jwtSecret);
  return {
    anonKey: await legacyKey("anon"),
    serviceRoleKey: await legacyKey("service_role"),
    publishableKey: `sb_publishable_${randomText(24)}`,
    secretKey: `sb_secret_${randomText(24)}`,
    jwtSecret,
  };
}

/** Random base64url text of `bytes` bytes of entropy. */
export function randomText(bytes: number): string {
  return base64Url(crypto.getRandomValues(new Uint8Array(bytes)));
}

async function signHs256(claims: Record<string, unknown>, secret: string): Promise<string> {
  const text = new TextEncoder();
  const input = [{ alg: "HS256", typ: "JWT" }, claims]
    .map((part) => base64Url(text.encode(JSON.stringify(part))))
    .join(".");
  const key = await crypto.subtle.importKey(
    "raw",
    text.encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const signature = await crypto.subtle.sign("HMAC", key, text.encode(input));
  return `${input}.${base64Url(new Uint8Array(signature))}`;
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
