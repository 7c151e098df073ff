/**
 * Verifies the tokens of several issuers against one registry, and holds each to its issuer's policy.
 *
 * WebCrypto alone: no dependency, no environment, no clock of its own. It runs on Deno, Node, Bun and Workers.
 *
 * @example A token of an issuer that is not registered
 * ```ts
 * import assert from "node:assert/strict";
 * import { memoryKeySource, verifyMultiIssuerJwt } from "@countersign/verifier";
 *
 * const token = "eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJiaWxsaW5nIn0.AA";
 * await assert.rejects(
 *   verifyMultiIssuerJwt(token, { keySource: memoryKeySource([]) }),
 *   { name: "JwtVerificationError", reason: "unknown_issuer" },
 * );
 * ```
 *
 * @module
 */
export { BoundedMap } from "./bounded_map.ts";
export { checkMembers } from "./options/checked_members.ts";
export { ALGORITHMS } from "./key/algorithms.ts";
export {
  type InvalidPublicKeyCode,
  InvalidPublicKeyError,
  JwtVerificationError,
  type JwtVerificationErrorOptions,
  type VerificationReason,
} from "./errors.ts";
export {
  type ProviderKey,
  type ProviderKeys,
  type ProviderState,
} from "./federation/provider_key.ts";
export type {
  Condition,
  ConditionScalar,
  FederationRule,
  ProviderRecord,
} from "./federation/rule.ts";
export { mapClaims } from "./federation/mapped_claims.ts";
export {
  type ConditionJudgement,
  judgeRule,
  type RuleJudgement,
} from "./federation/rule_judgement.ts";
export {
  remoteProviderKeys,
  type RemoteProviderKeysOptions,
} from "./provider_keys/remote_provider_keys.ts";
export { memoryKeySource, type MemoryKeySourceOptions } from "./key_source/memory_key_source.ts";
export { isReservedRole } from "./claims/reserved_roles.ts";
export { PROTECTED_CLAIMS } from "./claims/protected_claims.ts";
export { canonicalCertificates } from "./key/certificates.ts";
export { importPublicKey, keyId } from "./key/public_key.ts";
export { canonicalPublicKey } from "./key/public_key_pem.ts";
export { readProjectUrl, readServerUrl } from "./options/project_url.ts";
export { requestsShareWork } from "./key_source/requests_share_work.ts";
export { parseProviderRow } from "./key_source/rows/provider_row.ts";
export { parseIssuerRow } from "./key_source/rows/registry_row.ts";
export { parseSealKeyRow } from "./key_source/rows/seal_key_row.ts";
export { restKeySource, type RestKeySourceOptions } from "./key_source/rest_key_source.ts";
export type { KeySource, RegistryIdentity } from "./key_source/key_source.ts";
export type {
  Algorithm,
  IssuerKey,
  IssuerPolicy,
  IssuerRecord,
  MultiIssuerJwtClaims,
  PolicyRefusal,
  SealKey,
} from "./types.ts";
export { isUserId } from "./claims/user_id.ts";
export { VerifiedTokenCache } from "./verified_token_cache.ts";
export { type MatchedKey, verifyMultiIssuerJwt, type VerifyResult } from "./verify.ts";
export { checkVerifyRules } from "./options/verify_options.ts";
export type {
  VerifyOptions,
  VerifyRules,
  VerifyWithKeySource,
  VerifyWithProject,
} from "./options/verify_options.ts";
