import { JwtVerificationError, type MatchedKey } from "@countersign/verifier";
import { SwapProxyError } from "../errors.ts";
import type { Refusal, RefusalReason } from "../refusal/refusals.ts";
import { registryFault } from "../registry/registry_fault.ts";
import { withoutUndefined } from "../options/without_undefined.ts";
import { REJECTION_HINTS } from "../upstream/token_rejection.ts";
import { innermostCause, stackFrames } from "./error_cause.ts";
import type { RefusedEvent } from "./swap_event.ts";

/** What is known of a refused request. */
export interface RefusedRequest {
  readonly requestId: string;
  readonly reason: RefusalReason;
  /** What the caller received. */
  readonly refusal: Refusal;
  /** What was thrown. */
  readonly error: unknown;
  /** The key that made the token's signature, if it held. */
  readonly key: MatchedKey | undefined;
  /** The federation rule that it acted under, if it did. */
  readonly rule?: string | undefined;
  /** Set where it is a token request. */
  readonly endpoint?: "token" | undefined;
}

/** The issuer and the key that a request named, as the registry spells them. */
export function namedKey({ error, key }: Pick<RefusedRequest, "error" | "key">): {
  readonly issuer: string | undefined;
  readonly kid: string | undefined;
} {
  const { issuer, kid } = key ?? (error instanceof JwtVerificationError ? error : {});
  return { issuer, kid };
}

/** The operator's account of a refusal. */
export function refusedEvent(request: RefusedRequest): RefusedEvent {
  const { requestId, reason, refusal: { code, status, alarm = false }, error, key } = request;
  const verdict = error instanceof JwtVerificationError ? error : undefined;
  const upstreamCode = error instanceof SwapProxyError ? error.upstreamCode : undefined;
  const fault = reason === "registry_unavailable" ? registryFault(error) : fixedSentence(error);
  return {
    type: "refused",
    requestId,
    reason,
    code,
    status,
    alarm: alarm || fault !== undefined,
    authenticated: key !== undefined || (verdict?.authenticated ?? false),
    ...withoutUndefined({
      endpoint: request.endpoint,
      ...namedKey(request),
      claim: verdict?.claim,
      role: verdict?.role,
      rule: request.rule ?? verdict?.rule,
      observedRules: verdict?.observedRules?.length ? verdict.observedRules : undefined,
      cause: innermostCause(error),
      upstreamCode,
      hint: upstreamCode === undefined ? fault : REJECTION_HINTS[upstreamCode],
      stack: reason === "internal_error" ? stackFrames(error) : undefined,
    }),
  };
}

const FIXED_SENTENCES: ReadonlySet<string> = new Set([
  "seal_key_missing",
  "role_claim_ignored",
  "guard_required",
]);

/** Of errors whose message is one of ours and says what to correct. */
function fixedSentence(error: unknown): string | undefined {
  const says = error instanceof SwapProxyError &&
    FIXED_SENTENCES.has(error.code);
  return says ? error.message : undefined;
}
