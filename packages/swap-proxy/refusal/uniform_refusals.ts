import { type Refusal, type RefusalReason, REFUSALS } from "./refusals.ts";

/** Milliseconds for which one failure of the registry decides what strangers are answered. */
const UNIFORM_FOR = 1_000;

/** Reasons for which a token gets 503 whether or not its signature would hold. */
const UNAVAILABLE: ReadonlySet<RefusalReason> = new Set([
  "registry_unavailable",
  "registry_overloaded",
  "provider_unavailable",
]);

/** Reasons that depend on what the registry has of a name, before a signature held. */
const BEFORE_SIGNATURE: ReadonlySet<RefusalReason> = new Set([
  "unknown_issuer",
  "inactive_issuer",
  "unknown_key",
  "revoked_key",
  "key_not_current",
  "algorithm_mismatch",
  "bad_signature",
  "unusable_key",
]);

/**
 * Chooses what a caller gets for a reason.
 *
 * Where the registry or a provider cannot be asked, a name that is not in memory gets 503, and one that is would get 401: whoever sees
 * both can tell which names are registered. So for a second after each such 503 both get it.
 */
export class UniformRefusals {
  readonly #now: () => number;
  #failedAt = -Infinity;

  /** @param now Milliseconds since the epoch. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The row of the table that a caller gets. */
  of(reason: RefusalReason): Refusal {
    if (UNAVAILABLE.has(reason)) {
      this.#failedAt = this.#now();
    } else if (BEFORE_SIGNATURE.has(reason) && this.#isUniform()) {
      return REFUSALS.registry_unavailable;
    }
    return REFUSALS[reason];
  }

  #isUniform(): boolean {
    const age = this.#now() - this.#failedAt;
    return age >= 0 && age < UNIFORM_FOR;
  }
}
