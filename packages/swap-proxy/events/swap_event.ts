import type { PolicyRefusal } from "@countersign/verifier";
import type { PublicCode, RefusalReason } from "../refusal/refusals.ts";
import type { TokenRejection } from "../upstream/token_rejection.ts";

/** A request that was not answered by PostgREST. */
export interface RefusedEvent {
  /** What kind of event this is. */
  readonly type: "refused";
  /** The id that the answer carries in `Countersign-Request-Id`. */
  readonly requestId: string;
  /** Set where it is a token request that was refused. */
  readonly endpoint?: "token";
  /** The precise reason, for the operator only. */
  readonly reason: RefusalReason;
  /** The public code that the caller received. */
  readonly code: PublicCode;
  /** The status that the caller received. */
  readonly status: number;
  /** Set when the operator has to act: our secret, our clock, our configuration or our code is wrong. */
  readonly alarm: boolean;
  /** Whether the token's signature held: `issuer` and `kid` sent it. Without it, anybody can have named them. */
  readonly authenticated: boolean;
  /** The registered issuer, once the token named one. */
  readonly issuer?: string;
  /** The registered key, once the token named one. */
  readonly kid?: string;
  /** The claim that is refused. Only once the signature held. */
  readonly claim?: string;
  /** The role that is refused. Only once the signature held. */
  readonly role?: string;
  /** The federation rule of a provider's token, once one was chosen. */
  readonly rule?: string;
  /** Rules in `observe` mode that would have let the token in. */
  readonly observedRules?: readonly string[];
  /** SQLSTATE, errno or error name of what failed underneath. */
  readonly cause?: string;
  /** PostgREST's own code, where it refused the downstream token. */
  readonly upstreamCode?: TokenRejection;
  /** What the operator can do about it. */
  readonly hint?: string;
  /** Of an `internal_error`: where it was thrown. */
  readonly stack?: string;
}

/** A request that went through although something in observe mode would decide otherwise: a policy, or another rule. */
export interface ObservedEvent {
  /** What kind of event this is. */
  readonly type: "observed";
  /** The id that the answer carries in `Countersign-Request-Id`. */
  readonly requestId: string;
  /** The registered issuer. */
  readonly issuer: string;
  /** The key that verified. */
  readonly kid: string;
  /** What `mode = 'enforce'` would have refused. */
  readonly refusals: readonly PolicyRefusal[];
  /** The federation rule of a provider's token. */
  readonly rule?: string;
  /** Rules in `observe` mode that would have let the token in as well. */
  readonly observedRules?: readonly string[];
}

/** A token was exchanged for one that goes straight to the platform. */
export interface ExchangedEvent {
  /** What kind of event this is. */
  readonly type: "exchanged";
  /** The id that the answer carries in `Countersign-Request-Id`. */
  readonly requestId: string;
  /** The registered issuer. */
  readonly issuer: string;
  /** The key that verified. */
  readonly kid: string;
  /** The federation rule of a provider's token. */
  readonly rule?: string;
  /** The role of the token that was issued. */
  readonly role: string;
  /** Its life in seconds. */
  readonly expiresIn: number;
}

/** The keys of an OIDC provider can be fetched again, or cannot. */
export interface ProviderEvent {
  /** What kind of event this is. */
  readonly type: "provider";
  /** The provider, as the registry spells it. */
  readonly provider: string;
  /** `stale`: its last keys still serve; `unavailable`: its tokens are refused. */
  readonly state: "ok" | "stale" | "unavailable";
  /** How many of its keys can be used. */
  readonly keys: number;
  /** How many keys of its set are refused. */
  readonly refusedKeys: number;
  /** Why the last fetch failed. */
  readonly failure?: string;
}

/** What the proxy reports to its operator. Holds no token, no secret and no unverified claim. */
export type SwapEvent = RefusedEvent | ObservedEvent | ExchangedEvent | ProviderEvent;
