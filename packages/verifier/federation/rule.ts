import type { Algorithm } from "../types.ts";

/** A value that a condition compares with: by type, so `"1"` is not `1`. */
export type ConditionScalar = string | number | boolean;

/** What a claim has to be: a value, a prefix that ends in `*` or `**`, or a list of which one has to hold. */
export type Condition = ConditionScalar | readonly ConditionScalar[];

/** A row of `jwt_federation_rules`: which tokens of a provider act as which issuer. */
export interface FederationRule {
  /** The rule's name, which goes downstream in the mark. */
  readonly name: string;
  /** The issuer whose policy applies, and whose name goes downstream as `iss`. */
  readonly issuer: string;
  /** Audiences of which the token has to name one. */
  readonly audiences: readonly string[];
  /** By claim path, what the claim has to be. All of them have to hold. */
  readonly conditions: Readonly<Record<string, Condition>>;
  /** The template of `sub`, such as `gh:{repository_id}:{environment}`. */
  readonly subject: string;
  /** By downstream name, the path of the claim that is mapped to it. */
  readonly claims: Readonly<Record<string, string>>;
  /** The role to act in; `null`: the issuer's default. */
  readonly role: string | null;
  /** Most seconds between `iat` and `exp`. Takes the place of the issuer's. */
  readonly maxTokenLifetime: number;
  /** An `observe` rule is tried and reported, and lets nobody in. */
  readonly mode: "enforce" | "observe";
  /** Whether the rule counts. */
  readonly isActive: boolean;
}

/** All that a verifier needs to know of one OIDC provider. Never mutated: a change is a new object. */
export interface ProviderRecord {
  /** The exact value of the provider's `iss`. */
  readonly provider: string;
  /** Whether any of its tokens is accepted. */
  readonly isActive: boolean;
  /** Where its keys come from. */
  readonly keysFrom: "discovery" | "jwks_uri" | "jwks";
  /** The URL of its keys, if `keysFrom` is `jwks_uri`. */
  readonly jwksUri: string | null;
  /** Its keys themselves, if `keysFrom` is `jwks`: a JSON Web Key Set (RFC 7517 §5). */
  readonly jwks: unknown;
  /** The algorithms that its tokens may be signed with. */
  readonly algorithms: readonly Algorithm[];
  /** Whether its keys may be fetched from a private or loopback address. */
  readonly allowPrivate: boolean;
  /** Its rules, inactive ones included. */
  readonly rules: readonly FederationRule[];
  /** Thumbprints (RFC 7638) of its keys that the operator has revoked. */
  readonly revokedKids: readonly string[];
}
