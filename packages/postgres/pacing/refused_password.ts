import { isWrongPassword, wrongPasswordPause } from "./backoff.ts";

/**
 * Holds every connection of a client back after the server refused the password.
 *
 * Supabase bans an address from a database for half an hour after three refusals in ten minutes, and its pooler
 * shuts an address out of a project for two minutes after ten. During a ban the right password is refused as
 * well. So a refused password is tried again after two seconds, because a pooler may learn of a new password by
 * refusing it, and then every ten minutes.
 */
export class RefusedPassword {
  readonly #now: () => number;
  #refusal: (Error & { retryAfter: number }) | undefined;
  #refusals = 0;
  #nextAttempt = 0;

  /** @param now A clock that never steps back, in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Returns if a connection may be opened.
   *
   * @throws {Error} The last refusal. Its `retryAfter` is the milliseconds until the next attempt.
   */
  mayConnect(): void {
    if (this.#refusal === undefined) return;
    const wait = this.#nextAttempt - this.#now();
    if (wait <= 0) return;
    this.#refusal.retryAfter = wait;
    throw this.#refusal;
  }

  /** A connection was opened. */
  accepted(): void {
    this.#refusal = undefined;
    this.#refusals = 0;
  }

  /**
   * A connection was not opened.
   *
   * @returns The error, with `retryAfter` if the password was refused.
   */
  failed(error: unknown): unknown {
    if (!(error instanceof Error) || !isWrongPassword(error)) return error;
    // Statements that share a connection all report its one refusal.
    if (error === this.#refusal) return error;
    const retryAfter = wrongPasswordPause(++this.#refusals === 1);
    this.#nextAttempt = this.#now() + retryAfter;
    this.#refusal = Object.assign(error, { retryAfter });
    return error;
  }
}
