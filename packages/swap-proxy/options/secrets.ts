import type { PrivateJwk } from "../downstream/jwk_signer.ts";

/** RFC 7515 §7.1. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * Reads the project's JWT secret.
 *
 * @param isBase64 Whether the secret is the bytes that the text encodes, as with PostgREST's `jwt-secret-is-base64`.
 * @throws {TypeError} It is another secret of the project, or not base64.
 */
export function jwtSecret(value: string, isBase64: boolean): string | Uint8Array {
  if (JWT.test(value)) {
    throw new TypeError("Expected the JWT secret, found a key that was signed with it");
  }
  if (/^sb_(?:secret|publishable)_/.test(value)) {
    throw new TypeError("Expected the JWT secret, found an API key");
  }
  if (value.startsWith("{") || value.startsWith("[")) {
    throw new TypeError("Expected the JWT secret, found JSON: set COUNTERSIGN_SIGNING_JWK to it");
  }
  if (value.includes("-----BEGIN ")) {
    throw new TypeError(
      "Expected the JWT secret, found a key in PEM: set COUNTERSIGN_SIGNING_JWK to the key as a JWK",
    );
  }
  return isBase64 ? bytesOf(value) : value;
}

function bytesOf(base64: string): Uint8Array {
  try {
    const binary = atob(base64.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  } catch {
    throw new TypeError("Expected base64, as COUNTERSIGN_JWT_SECRET_IS_BASE64 says");
  }
}

/**
 * Reads a private JWK, also from the array that `supabase gen signing-key` writes, from a key set (RFC 7517 §5), with
 * escaped quotes, or as base64 of the whole.
 *
 * @throws {TypeError} It is not exactly one key, or another kind of secret.
 */
export function signingJwk(value: string): PrivateJwk {
  if (value.includes("-----BEGIN ")) {
    throw new TypeError(
      "Expected a private JWK, found PEM: make one with supabase gen signing-key",
    );
  }
  const keys = keysIn(jsonIn(value));
  const [key] = keys;
  if (key === undefined || keys.length > 1) {
    throw new TypeError(
      `Expected one private JWK, found ${keys.length}: keep the one to sign with`,
    );
  }
  if (key.kty === "oct") {
    throw new TypeError(
      "Expected a private JWK, found a shared secret: set COUNTERSIGN_JWT_SECRET",
    );
  }
  return key;
}

function keysIn(json: unknown): readonly PrivateJwk[] {
  const keys = Array.isArray(json) ? json : isObject(json) ? json.keys ?? [json] : undefined;
  if (!Array.isArray(keys) || !keys.every(isObject)) {
    throw new TypeError("Expected a private JWK in JSON");
  }
  return keys;
}

/** The API keys of a project: JSON, name → key, or one key alone. */
export function apiKeys(value: string): Readonly<Record<string, string>> {
  if (/^(?:sb_(?:secret|publishable)_)?[\w.-]+$/.test(value) && !/^\d+$/.test(value)) {
    return { default: value };
  }
  const keys = jsonIn(value);
  if (!isObject(keys) || !Object.values(keys).every((key) => typeof key === "string")) {
    throw new TypeError("Expected a JSON object of names and keys");
  }
  return Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, String(key)]));
}

/**
 * Checks a key that anybody may have.
 *
 * @throws {TypeError} It is not printable, or a secret one.
 */
export function publishableKey(key: string): string {
  if (!/^[\x21-\x7e]+$/.test(key)) throw new TypeError("Expected a key of printable characters");
  if (key.startsWith("sb_secret_") || roleOf(key) === "service_role") {
    throw new TypeError(
      "Expected a publishable or anon key, found a secret one: never put it here",
    );
  }
  return key;
}

/**
 * Checks a key that may read the registry.
 *
 * @throws {TypeError} It is not printable, or one that anybody may have.
 */
export function serviceKey(key: string): string {
  if (!/^[\x21-\x7e]+$/.test(key)) throw new TypeError("Expected a key of printable characters");
  if (key.startsWith("sb_publishable_") || roleOf(key) === "anon") {
    throw new TypeError("Expected a secret or service_role key, found a publishable one");
  }
  return key;
}

/** What a legacy key says of itself. It is not verified: the gateway does that. */
function roleOf(key: string): unknown {
  const [, payload = ""] = key.split(".");
  try {
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return isObject(claims) ? claims.role : undefined;
  } catch {
    return undefined;
  }
}

/** The parser's own error would quote the value. */
function jsonIn(value: string): unknown {
  const spellings = [() => value, () => value.replaceAll('\\"', '"'), () => atob(value)];
  for (const spelling of spellings) {
    try {
      const json: unknown = JSON.parse(spelling());
      return typeof json === "string" ? JSON.parse(json) : json;
    } catch {
      // Perhaps in the next spelling.
    }
  }
  throw new TypeError("Expected JSON");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
