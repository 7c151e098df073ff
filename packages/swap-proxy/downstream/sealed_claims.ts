import type { SealKey } from "@countersign/verifier";
import { SwapProxyError } from "../errors.ts";
import { sealOf } from "./seal.ts";

/** Claims with a mark that has no seal yet. */
interface MarkedClaims extends Readonly<Record<string, unknown>> {
  readonly countersign: Readonly<Record<string, unknown>>;
}

/**
 * Claims with their seal in the mark.
 *
 * @throws {SwapProxyError} `seal_key_missing`.
 */
export async function sealed(
  claims: MarkedClaims,
  sealKey: SealKey | undefined,
): Promise<Readonly<Record<string, unknown>>> {
  if (sealKey === undefined) {
    throw new SwapProxyError(
      "seal_key_missing",
      "The registry holds no key to seal with: apply the migrations of this version",
    );
  }
  const seal = await sealOf(claims, sealKey);
  return { ...claims, countersign: { ...claims.countersign, seal } };
}
