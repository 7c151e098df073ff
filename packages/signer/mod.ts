/**
 * Sign the short-lived tokens with which a service writes to a Supabase project behind Countersign.
 *
 * A service needs its private key and this package, and nothing of the target's. Runs on Deno, Node.js 20 or
 * newer, Bun and Cloudflare Workers.
 *
 * @example Sign a token
 * ```ts
 * import { generateIssuerKeyPair, signMultiIssuerJwt } from "@countersign/signer";
 * import assert from "node:assert/strict";
 *
 * const { privateKey } = await generateIssuerKeyPair();
 *
 * const token = await signMultiIssuerJwt({
 *   privateKey,
 *   issuer: "my-service",
 *   claims: { sub: "depot-42", role: "widgets_writer" },
 * });
 * assert.equal(token.split(".").length, 3);
 * ```
 *
 * @module
 */

export { SignerError, type SignerErrorCode } from "./errors.ts";
export { keyId } from "./key/key_id.ts";
export { generateIssuerKeyPair, type IssuerKeyPair, type KeyPairOptions } from "./key/key_pair.ts";
export { signMultiIssuerJwt } from "./sign.ts";
export { githubActions, type GithubActionsOptions, type OidcToken } from "./oidc/github_actions.ts";
export {
  createTokenSource,
  type ExchangeOptions,
  type OidcTokenSourceOptions,
  type TokenSource,
  type TokenSourceOptions,
} from "./token_source.ts";
export type {
  Algorithm,
  Jwk,
  KeyInput,
  MultiIssuerJwtClaims,
  SignClaims,
  SigningOptions,
  SignOptions,
  WebCryptoKey,
} from "./types.ts";
