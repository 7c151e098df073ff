import { requestsShareWork } from "@countersign/verifier";
import { SwapProxyError } from "../errors.ts";
import type { RoleClaim } from "./probe_role_claim.ts";

/** Milliseconds after which a verdict is asked for again, in the background unless it is "wrong". */
const LIFETIMES: Readonly<Record<RoleClaim, number>> = {
  ok: 5 * 60_000,
  unknown: 5_000,
  wrong: 1_000,
};

/**
 * Lets requests through only to a PostgREST that takes the role from `role`. With another claim there, an issuer
 * whose policy lets it fill that claim could be anyone that PostgREST can be.
 *
 * The cache: one verdict. The first one is waited for. "ok" serves for five minutes and is then asked for again in
 * the background; what cannot be found out changes nothing, and "wrong" stands until it is "ok". On Workers nothing
 * is asked in the background, and each request asks for itself.
 */
export class RoleClaimGate {
  readonly #probe: () => Promise<RoleClaim>;
  readonly #now: () => number;
  readonly #sharesWork = requestsShareWork();
  #verdict: RoleClaim | undefined;
  #askedAt = -Infinity;
  #pending: Promise<RoleClaim> | undefined;

  /** @param now Milliseconds. */
  constructor(probe: () => Promise<RoleClaim>, now: () => number) {
    this.#probe = probe;
    this.#now = now;
  }

  /**
   * Lets a request pass; without a promise where the verdict is at hand.
   *
   * @throws {SwapProxyError} `role_claim_ignored`.
   */
  pass(): void | Promise<void> {
    const verdict = this.#verdict;
    if (verdict === undefined) return this.#ask().then(refuseIfWrong);
    const isDue = !this.#isWithin(LIFETIMES[verdict]);
    if (isDue && (verdict === "wrong" || !this.#sharesWork)) {
      return this.#ask().then(refuseIfWrong);
    }
    if (isDue) void this.#ask();
    refuseIfWrong(verdict);
  }

  /** The verdict: an "ok" of at most `maxAge` milliseconds ago, or what PostgREST answers to this question. */
  async verdict(maxAge: number): Promise<RoleClaim> {
    return this.#verdict === "ok" && this.#isWithin(maxAge) ? this.#verdict : await this.#ask();
  }

  #isWithin(lifetime: number): boolean {
    const age = this.#now() - this.#askedAt;
    return age >= 0 && age < lifetime;
  }

  #ask(): Promise<RoleClaim> {
    if (!this.#sharesWork) return this.#askNow();
    return this.#pending ??= this.#askNow().finally(() => this.#pending = undefined);
  }

  async #askNow(): Promise<RoleClaim> {
    this.#askedAt = this.#now();
    // A signer that fails says so where a token is signed.
    const found = await this.#probe().catch(() => "unknown" as const);
    return this.#verdict = found === "unknown" ? this.#verdict ?? found : found;
  }
}

function refuseIfWrong(verdict: RoleClaim): void {
  if (verdict !== "wrong") return;
  throw new SwapProxyError(
    "role_claim_ignored",
    'PostgREST does not take the role from "role": set its jwt-role-claim-key to ".role"',
  );
}
