import { compactJws, headerSegment, type SignParams } from "./compact_jws.ts";
import type { DownstreamSigner } from "./downstream_signer.ts";
import { ConfigurationError } from "../errors.ts";

/** A private JWK (RFC 7517) with the `kid` under which the target knows its public half. */
export type PrivateJwk = JsonWebKey & { readonly kid?: string };

interface SigningAlgorithm {
  readonly alg: string;
  readonly kty: string;
  readonly crv?: string;
  readonly importParams: Parameters<SubtleCrypto["importKey"]>[2];
  readonly signParams: SignParams;
  /** Members that hold base64url, with the bytes they must have where the curve fixes that. */
  readonly members: Readonly<Record<string, number | undefined>>;
}

const ALGORITHMS: readonly SigningAlgorithm[] = [
  {
    alg: "ES256",
    kty: "EC",
    crv: "P-256",
    importParams: { name: "ECDSA", namedCurve: "P-256" },
    signParams: { name: "ECDSA", hash: "SHA-256" },
    members: { x: 32, y: 32, d: 32 },
  },
  {
    alg: "RS256",
    kty: "RSA",
    importParams: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
    signParams: "RSASSA-PKCS1-v1_5",
    members: {
      n: undefined,
      e: undefined,
      d: undefined,
      p: undefined,
      q: undefined,
      dp: undefined,
      dq: undefined,
      qi: undefined,
    },
  },
  {
    alg: "EdDSA",
    kty: "OKP",
    crv: "Ed25519",
    importParams: "Ed25519",
    signParams: "Ed25519",
    members: { x: 32, d: 32 },
  },
];

/**
 * Signs with a private key of one's own that the target knows by `kid`: a signing key imported with
 * `supabase gen signing-key`, or one given to third-party auth. Supabase is retiring the legacy secret.
 *
 * **Does not** check that the public half belongs to the private one: WebCrypto does at the first
 * signature, and `/-/readyz` asks PostgREST.
 *
 * @param jwk ES256, RS256 (2048 bits or more) or EdDSA (Ed25519), with `kid`.
 * @returns A signer that imports the key once.
 * @throws {ConfigurationError} The key is not private, has no `kid`, or is of another kind.
 *
 * @example Sign claims with ES256
 * ```ts
 * import { jwkSigner } from "@countersign/swap-proxy";
 * import assert from "node:assert/strict";
 *
 * const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
 * const jwk = await crypto.subtle.exportKey("jwk", pair.privateKey);
 * const signer = jwkSigner({ ...jwk, kid: "4d1f3b2c-0000-4000-8000-000000000000" });
 * const token = await signer.sign({ role: "widgets_writer", exp: 1_900_000_000 });
 * assert.match(atob(token.split(".")[0]!), /"kid":"4d1f3b2c/);
 * ```
 */
export function jwkSigner(jwk: PrivateJwk): DownstreamSigner {
  const algorithm = ALGORITHMS.find(({ kty, crv }) => jwk.kty === kty && jwk.crv === crv);
  if (algorithm === undefined) throw invalid("must be of kind EC P-256, RSA or OKP Ed25519");
  if (jwk.alg !== undefined && jwk.alg !== algorithm.alg) {
    throw invalid(`must have "alg" ${algorithm.alg}, or none`);
  }
  if (typeof jwk.kid !== "string" || jwk.kid === "") {
    throw invalid('must have a "kid", by which the target knows the public key');
  }
  const members: JsonWebKey = { kty: algorithm.kty };
  if (algorithm.crv !== undefined) members.crv = algorithm.crv;
  for (const [name, length] of Object.entries(algorithm.members)) {
    Object.assign(members, { [name]: member(jwk, name, length) });
  }
  if (algorithm.kty === "RSA" && (members.n?.length ?? 0) < 342) {
    throw invalid("must have a modulus of at least 2048 bits");
  }

  const header = headerSegment({ alg: algorithm.alg, typ: "JWT", kid: jwk.kid });
  let key: Promise<CryptoKey> | undefined;
  return {
    async sign(claims) {
      key ??= crypto.subtle.importKey("jwk", members, algorithm.importParams, false, ["sign"]);
      return compactJws(header, claims, algorithm.signParams, await key);
    },
  };
}

/** Only the members that the algorithm needs reach WebCrypto, so that `key_ops` or `use` can't get in the way. */
function member(jwk: PrivateJwk, name: string, length: number | undefined): string {
  const value: unknown = Object.entries(jwk).find(([key]) => key === name)?.[1];
  if (typeof value !== "string" || !/^[A-Za-z0-9_-]+$/.test(value)) {
    throw invalid(`must have "${name}" in base64url; is this the private key?`);
  }
  if (length !== undefined && value.length !== Math.ceil(length * 4 / 3)) {
    throw invalid(`must have "${name}" of ${length} bytes`);
  }
  return value;
}

function invalid(message: string): ConfigurationError {
  return new ConfigurationError([{ name: "signer", message: `The private JWK ${message}` }]);
}
