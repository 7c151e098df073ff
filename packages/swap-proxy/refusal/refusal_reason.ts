import { JwtVerificationError } from "@countersign/verifier";
import { SwapProxyError } from "../errors.ts";
import type { RefusalReason } from "./refusals.ts";

/** The precise reason behind anything that was thrown while a request was answered. */
export function refusalReason(error: unknown): RefusalReason {
  if (error instanceof JwtVerificationError) return error.reason;
  if (error instanceof SwapProxyError && error.code !== "configuration_invalid") return error.code;
  return "internal_error";
}
