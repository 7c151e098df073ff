import { JwtVerificationError, type VerifyResult } from "@countersign/verifier";
import { SwapProxyError } from "../errors.ts";
import { type RefusalReason, REFUSALS } from "../refusal/refusals.ts";
import type { ObservedEvent, RefusedEvent, SwapEvent } from "./swap_event.ts";

/** The precise reason behind anything that was thrown while a request was answered. */
export function refusalReason(error: unknown): RefusalReason {
  if (error instanceof JwtVerificationError) return error.reason;
  if (error instanceof SwapProxyError && error.code !== "configuration_invalid") return error.code;
  return "internal_error";
}

/** The operator's account of a refusal. */
export function refusedEvent(
  error: unknown,
  reason: RefusalReason,
  requestId: string,
): RefusedEvent {
  const { code, status, alarm } = REFUSALS[reason];
  const cause = causeOf(error);
  const known = error instanceof JwtVerificationError ? error : undefined;
  return {
    type: "refused",
    requestId,
    reason,
    code,
    status,
    alarm: alarm ?? false,
    ...(known?.issuer !== undefined && { issuer: known.issuer }),
    ...(known?.kid !== undefined && { kid: known.kid }),
    ...(cause !== undefined && { cause }),
    ...(reason === "internal_error" && { stack: framesOf(error) }),
  };
}

/** The operator's account of what an issuer's observe mode let through. */
export function observedEvent(verified: VerifyResult, requestId: string): ObservedEvent {
  const { issuer, kid } = verified.matchedKey;
  return { type: "observed", requestId, issuer, kid, refusals: verified.observed };
}

/** Tells the observer. What it does must not decide what a caller gets, so its failure goes nowhere. */
export function tell(onEvent: (event: SwapEvent) => void, event: SwapEvent): void {
  try {
    onEvent(event);
  } catch {
    // There is nobody left to tell.
  }
}

/**
 * The innermost cause, as a SQLSTATE, errno or class name. Never a message: a driver's or parser's
 * message may quote what it was given.
 */
function causeOf(error: unknown): string | undefined {
  let innermost: string | undefined;
  let cause = error instanceof Error ? error.cause : undefined;
  for (let depth = 0; cause instanceof Error && depth < 8; depth++) {
    const code: unknown = Reflect.get(cause, "code");
    innermost = typeof code === "string" && /^[A-Za-z0-9_]{1,48}$/.test(code) ? code : cause.name;
    cause = cause.cause;
  }
  return innermost;
}

/** Where an unexpected error came from, without its message. */
function framesOf(error: unknown): string {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  return stack.split("\n").filter((line) => /^\s+at /.test(line)).slice(0, 8).join("\n");
}
