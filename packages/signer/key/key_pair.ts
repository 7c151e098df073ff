import { exportPKCS8, exportSPKI, generateKeyPair } from "jose";
import { checkMembers } from "../checked_members.ts";
import { checkAlgorithm, importParams } from "./algorithms.ts";
import { keyId } from "./key_id.ts";
import type { Algorithm } from "../types.ts";

/** Options of `generateIssuerKeyPair`. */
export interface KeyPairOptions {
  /** What the key will sign with. Default: `"RS256"`. */
  algorithm?: Algorithm;
  /** Bits of an RSA key. Default: 2048. */
  modulusLength?: 2048 | 3072 | 4096;
}

/** A new key pair: the private key for the issuer, the rest for the target's registry. */
export interface IssuerKeyPair {
  /** PKCS#8 PEM. Keep it secret: whoever has it can sign as this issuer. */
  privateKey: string;
  /** SPKI PEM, to be registered. */
  publicKey: string;
  /** The id of the key. */
  kid: string;
  /** What the key was made for. PEM does not say, so register and sign with it unless it is RSA's RS256. */
  algorithm: Algorithm;
}

/**
 * Generates a key pair for one issuer on one target.
 *
 * Make a pair for each target, so that a token for one means nothing to another.
 *
 * **Does not** store the key or register it.
 *
 * @param options The algorithm, and for RSA the length.
 * @returns Both keys as PEM, each ending in a line break, and their id.
 * @throws {SignerError} `unsupported_algorithm`.
 * @throws {RangeError} When `modulusLength` is not 2048, 3072 or 4096, or is given for a key that is not RSA.
 *
 * @example A pair for EdDSA
 * ```ts
 * import { generateIssuerKeyPair } from "@countersign/signer";
 * import assert from "node:assert/strict";
 *
 * const { publicKey, algorithm } = await generateIssuerKeyPair({ algorithm: "EdDSA" });
 * assert.match(publicKey, /^-----BEGIN PUBLIC KEY-----\n/);
 * assert.equal(algorithm, "EdDSA");
 * ```
 */
export async function generateIssuerKeyPair(options: KeyPairOptions = {}): Promise<IssuerKeyPair> {
  checkMembers(options, ["algorithm", "modulusLength"]);
  const algorithm = checkAlgorithm(options.algorithm ?? "RS256");
  const { modulusLength } = options;
  if (modulusLength !== undefined && !importParams(algorithm).name.startsWith("RSA")) {
    throw new RangeError(
      `Option "modulusLength" is for RSA keys, "${algorithm}" has one size only`,
    );
  }
  if (modulusLength !== undefined && ![2048, 3072, 4096].includes(modulusLength)) {
    throw new RangeError('Option "modulusLength" is not valid, expected 2048, 3072 or 4096');
  }
  const pair = await generateKeyPair(algorithm, {
    extractable: true,
    ...(modulusLength === undefined ? {} : { modulusLength }),
  });
  return {
    privateKey: `${await exportPKCS8(pair.privateKey)}\n`,
    publicKey: `${await exportSPKI(pair.publicKey)}\n`,
    kid: await keyId(pair.publicKey),
    algorithm,
  };
}
