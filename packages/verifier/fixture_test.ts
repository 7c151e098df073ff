/** Keys, records and tokens that the tests and benches of this package start from. */
import assert from "node:assert/strict";
import type {
  Algorithm,
  IssuerKey,
  IssuerPolicy,
  IssuerRecord,
  VerificationReason,
} from "./mod.ts";
import {
  JwtVerificationError,
  memoryKeySource,
  verifyMultiIssuerJwt,
  type VerifyResult,
} from "./mod.ts";
import { JWS_ALGORITHMS } from "./key/algorithms.ts";
import { encodeBase64url } from "./encoding/base64url.ts";
import { keyId } from "./key/public_key.ts";
import type { VerifyWithKeySource } from "./verify_options.ts";

/** Seconds since the epoch at which every test takes place. */
export const NOW = 1_800_000_000;
export const AUDIENCE = "https://ref.supabase.co";

export interface TestKey extends IssuerKey {
  readonly privateKey: CryptoKey;
}

type GenerateParams = RsaHashedKeyGenParams | EcKeyGenParams | { readonly name: string };

const rsa = (importParams: object): GenerateParams => ({
  name: "RSASSA-PKCS1-v1_5",
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: "SHA-256",
  ...importParams,
});

export async function makeKey(algorithm: Algorithm): Promise<TestKey> {
  const { importParams, keyType } = JWS_ALGORITHMS[algorithm];
  const params = keyType === "RSA" ? rsa(importParams) : importParams;
  const pair = await crypto.subtle.generateKey(params, true, ["sign", "verify"]) as CryptoKeyPair;
  const publicKey = toPem("PUBLIC KEY", await crypto.subtle.exportKey("spki", pair.publicKey));
  const kid = await keyId(publicKey);
  return {
    kid,
    algorithm,
    publicKey,
    notBefore: null,
    notAfter: null,
    privateKey: pair.privateKey,
  };
}

export function toPem(label: string, der: ArrayBuffer | Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...new Uint8Array(der)));
  const lines = base64.match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

const made = new Map<Algorithm, Promise<TestKey>>();

/** The key of an algorithm; the same one each time. */
export function keyOf(algorithm: Algorithm): Promise<TestKey> {
  const key = made.get(algorithm) ?? makeKey(algorithm);
  made.set(algorithm, key);
  return key;
}

export const policy: IssuerPolicy = {
  allowedRoles: ["billing_reader", "billing_writer"],
  defaultRole: "billing_reader",
  allowedSubjects: null,
  allowUserSubjects: false,
  allowedClaims: null,
  audiences: null,
  maxTokenLifetime: 300,
  rejectIssuedBefore: null,
  singleUse: false,
  mode: "enforce",
};

/** The record of issuer `billing`, with one Ed25519 key unless told otherwise. */
export async function makeRecord(
  changes: Partial<Omit<IssuerRecord, "policy">> & { policy?: Partial<IssuerPolicy> } = {},
): Promise<IssuerRecord> {
  return {
    issuer: "billing",
    isActive: true,
    keys: [await keyOf("EdDSA")],
    revokedKids: [],
    ...changes,
    policy: { ...policy, ...changes.policy },
  };
}

export const claims: Readonly<Record<string, unknown>> = {
  iss: "billing",
  sub: "worker-1",
  role: "billing_writer",
  aud: AUDIENCE,
  iat: NOW,
  exp: NOW + 60,
  jti: "0192a1",
};

/** What a token is made of. A member that is `undefined` is left out of header or claims. */
export interface TokenParts {
  /** Changes to the header, or all of its text or bytes. */
  readonly header?: object | string | Uint8Array;
  /** Changes to the claims, or all of the payload's text or bytes. */
  readonly claims?: object | string | Uint8Array;
  readonly key?: TestKey;
  /** Signs in another way than the key does. */
  readonly sign?: (signed: BufferSource) => Promise<Uint8Array> | Uint8Array;
  /** Alters the finished token. */
  readonly mangle?: (token: string) => string;
}

/** Makes a token that is valid but for its parts, and truly signed whatever the header says. */
export async function makeToken(parts: TokenParts = {}): Promise<string> {
  const key = parts.key ?? await keyOf("EdDSA");
  const header = { alg: key.algorithm, typ: "JWT", kid: key.kid };
  const signed = `${encode(header, parts.header)}.${encode(claims, parts.claims)}`;
  const sign = parts.sign ?? ((bytes) => signWith(key, bytes));
  const token = `${signed}.${encodeBase64url(await sign(new TextEncoder().encode(signed)))}`;
  return parts.mangle?.(token) ?? token;
}

export async function signWith(key: TestKey, signed: BufferSource): Promise<Uint8Array> {
  const { verifyParams } = JWS_ALGORITHMS[key.algorithm];
  return new Uint8Array(await crypto.subtle.sign(verifyParams, key.privateKey, signed));
}

function encode(original: object, changed: object | string | Uint8Array = {}): string {
  if (changed instanceof Uint8Array) return encodeBase64url(changed);
  const text = typeof changed === "string" ? changed : JSON.stringify({ ...original, ...changed });
  return encodeBase64url(new TextEncoder().encode(text));
}

/** Verifies at {@linkcode NOW}, with the record of `billing` as the only one. */
export function verify(
  token: string,
  record: IssuerRecord,
  options: Partial<VerifyWithKeySource> = {},
): Promise<VerifyResult> {
  return verifyMultiIssuerJwt(token, {
    keySource: memoryKeySource([record]),
    audience: AUDIENCE,
    now: () => NOW * 1000,
    ...options,
  });
}

/** An attack, and a twin that differs from it only in the attack. */
export interface HostileCase {
  readonly attack: TokenParts;
  readonly twin: TokenParts;
  readonly reason: VerificationReason;
  readonly record?: Parameters<typeof makeRecord>[0];
  readonly options?: Partial<VerifyWithKeySource>;
}

/** Registers a test: the attack is refused for its reason, and the twin passes. */
export function refuses(name: string, hostile: HostileCase): void {
  Deno.test(`verifyMultiIssuerJwt() refuses ${name}`, async () => {
    const { attack, twin, reason, options } = hostile;
    const record = await makeRecord(hostile.record);
    await assert.rejects(
      verify(await makeToken(attack), record, options),
      (error) => isRefusal(error, reason),
    );
    await verify(await makeToken(twin), record, options);
  });
}

/** Tells whether an error is ours, with this reason under both of its names. */
export function isRefusal(error: unknown, reason: VerificationReason): boolean {
  if (!(error instanceof JwtVerificationError)) return false;
  assert.equal(error.reason, reason);
  assert.equal(error.code, reason);
  return true;
}
