/**
 * A PostgREST that trusts three keys, as a project does that has third-party auth and a partner: the
 * proxy's, the third party's and the partner's.
 */
import { base64url, keyFor, type KeyMaterial, signWith } from "@countersign/fixture";
import { createPrivateKey, createPublicKey, randomUUID } from "node:crypto";

/** A key that PostgREST trusts. */
export class TrustedKey {
  readonly name: string;
  readonly kid = randomUUID();
  readonly #material: KeyMaterial;

  private constructor(material: KeyMaterial) {
    this.name = material.issuer;
    this.#material = material;
  }

  static async create(name: string, algorithm: KeyMaterial["algorithm"]): Promise<TrustedKey> {
    return new TrustedKey(await keyFor(name, algorithm));
  }

  /** The private JWK, as `COUNTERSIGN_SIGNING_JWK` takes it. */
  get privateJwk(): string {
    const key = createPrivateKey(this.#material.privateKey);
    return JSON.stringify({ ...key.export({ format: "jwk" }), ...this.#named });
  }

  get publicJwk(): object {
    const key = createPublicKey(this.#material.publicKey);
    return { ...key.export({ format: "jwk" }), ...this.#named, use: "sig" };
  }

  /** A token with this payload, whatever it says. */
  sign(payload: string): string {
    const header = JSON.stringify({ ...this.#named, typ: "JWT" });
    const input = `${base64url(header)}.${base64url(payload)}`;
    const key = createPrivateKey(this.#material.privateKey);
    return `${input}.${base64url(signWith(key, this.#material.algorithm, input))}`;
  }

  get #named() {
    return { alg: this.#material.algorithm, kid: this.kid };
  }
}
