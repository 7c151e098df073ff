import { JwtVerificationError, type KeySource } from "@countersign/verifier";
import { type Refusal, type RefusalReason, REFUSALS } from "./refusals.ts";

/** Milliseconds for which one failure of the registry or a provider decides what strangers are answered. */
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
 * Where the registry cannot be asked, a name that is not in memory gets 503, and one that is would get 401: whoever
 * compares them can tell which names are registered. So a registered name gets its 401 only if an unregistered name
 * would get one: such a name is looked up for it. For a second after each 503 every name gets the same.
 */
export class UniformRefusals {
  readonly #keySource: KeySource;
  readonly #now: () => number;
  #failedAt = -Infinity;
  /** Ends names that are not registered: only this process knows it, so no one can register such a name. */
  #ending: string | undefined;

  /** @param now Milliseconds since the epoch. */
  constructor({ keySource, now }: { keySource: KeySource; now: () => number }) {
    this.#keySource = keySource;
    this.#now = now;
  }

  /** The row of the table that a caller gets for what was thrown. */
  async of(error: unknown, reason: RefusalReason): Promise<Refusal> {
    if (UNAVAILABLE.has(reason)) {
      this.#failedAt = this.#now();
      return REFUSALS[reason];
    }
    if (!BEFORE_SIGNATURE.has(reason)) return REFUSALS[reason];
    if (this.#isUniform()) return REFUSALS.registry_unavailable;
    // A name that is not registered has been looked up by itself.
    const { issuer } = error instanceof JwtVerificationError ? error : {};
    if (issuer === undefined || await this.#wouldBeRefused(issuer)) return REFUSALS[reason];
    this.#failedAt = this.#now();
    return REFUSALS.registry_unavailable;
  }

  /** Whether an unregistered name like this one would get 401. It is the same one each time, as this one is. */
  async #wouldBeRefused(issuer: string): Promise<boolean> {
    this.#ending ??= crypto.randomUUID();
    const name = `${issuer} ${this.#ending}`;
    try {
      await this.#keySource.find(name);
      await this.#keySource.findProvider?.(name);
      return true;
    } catch {
      return false;
    }
  }

  #isUniform(): boolean {
    const age = this.#now() - this.#failedAt;
    return age >= 0 && age < UNIFORM_FOR;
  }
}
