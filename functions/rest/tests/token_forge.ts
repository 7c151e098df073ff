/**
 * Tokens as an attacker would write them: every byte can be chosen, no library objects.
 *
 * Without a change the result is an honest token, so an attack and its twin differ in the change
 * alone.
 */
import { Buffer } from "node:buffer";
import { createHmac, createPrivateKey, type KeyObject, sign } from "node:crypto";
import type { Algorithm, IssuerKeyPair } from "@countersign/signer";

export interface KeyMaterial extends IssuerKeyPair {
  issuer: string;
}

/** What the attacker changes. */
export interface Change {
  /** Header members to set; `undefined` removes one. */
  readonly header?: Record<string, unknown>;
  /** Claims to set; `undefined` removes one. */
  readonly claims?: Record<string, unknown>;
  /** Rewrites the header's JSON text. */
  readonly headerText?: (honest: string) => string | Uint8Array;
  /** Rewrites the payload's JSON text. */
  readonly claimsText?: (honest: string) => string | Uint8Array;
  /** Rewrites the encoded header, then the encoded payload, before they are signed. */
  readonly encoded?: (header: string, payload: string) => readonly [string, string];
  /** Signs in place of the issuer's key. */
  readonly signature?: (input: string, honest: () => Uint8Array) => Uint8Array | string;
  /** The last touch on the three finished segments. */
  readonly whole?: (header: string, payload: string, signature: string) => string;
}

export function base64url(data: string | Uint8Array): string {
  return (typeof data === "string" ? Buffer.from(data) : Buffer.from(data)).toString("base64url");
}

/** @param dsaEncoding JWS wants r and s side by side (RFC 7518 §3.4); other worlds write DER. */
export function signWith(
  key: KeyObject,
  algorithm: Algorithm,
  input: string,
  dsaEncoding: "ieee-p1363" | "der" = "ieee-p1363",
): Uint8Array {
  const data = Buffer.from(input);
  if (algorithm === "EdDSA") return sign(null, data, key);
  const hash = `sha${algorithm.slice(2)}`;
  if (algorithm.startsWith("ES")) return sign(hash, data, { key, dsaEncoding });
  // RSASSA-PSS with a salt as long as the hash (RFC 7518 §3.5); 6 is RSA_PKCS1_PSS_PADDING.
  if (algorithm === "PS256") return sign(hash, data, { key, padding: 6, saltLength: 32 });
  return sign(hash, data, key);
}

export class TokenForge {
  readonly material: KeyMaterial;
  readonly #claims: Readonly<Record<string, unknown>>;
  readonly #key: KeyObject;

  constructor(material: KeyMaterial, claims: Readonly<Record<string, unknown>>) {
    this.material = material;
    this.#claims = claims;
    this.#key = createPrivateKey(material.privateKey);
  }

  /** A signature of the issuer's key over anything. */
  sign(
    input: string,
    algorithm: Algorithm = this.material.algorithm,
    dsaEncoding: "ieee-p1363" | "der" = "ieee-p1363",
  ): Uint8Array {
    return signWith(this.#key, algorithm, input, dsaEncoding);
  }

  token(change: Change = {}): string {
    const { issuer, algorithm, kid } = this.material;
    const iat = Math.floor(Date.now() / 1000);
    const honestHeader = { alg: algorithm, typ: "JWT", kid };
    const honestClaims = {
      iss: issuer,
      iat,
      exp: iat + 60,
      jti: crypto.randomUUID(),
      ...this.#claims,
    };

    const headerText = JSON.stringify({ ...honestHeader, ...change.header });
    const claimsText = JSON.stringify({ ...honestClaims, ...change.claims });
    let header = base64url(change.headerText?.(headerText) ?? headerText);
    let payload = base64url(change.claimsText?.(claimsText) ?? claimsText);
    if (change.encoded) [header, payload] = change.encoded(header, payload);

    const input = `${header}.${payload}`;
    const honest = () => this.sign(input);
    const signed = change.signature?.(input, honest) ?? honest();
    const signature = typeof signed === "string" ? signed : base64url(signed);
    return change.whole?.(header, payload, signature) ?? `${input}.${signature}`;
  }
}

/** What the proxy should have made of these claims: an HS256 token for PostgREST. */
export function downstreamToken(
  claims: Readonly<Record<string, unknown>>,
  secret: string,
): string {
  const exp = Math.floor(Date.now() / 1000) + 30;
  const input = [{ alg: "HS256", typ: "JWT" }, { exp, ...claims }]
    .map((part) => base64url(JSON.stringify(part))).join(".");
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}
