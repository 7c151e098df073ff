import { isWrongPassword, wrongPasswordPause } from "./backoff.ts";

/** Milliseconds between questions whether the password has changed …. */
const ASK = 500;
/** … or this part of the time for which it has been wrong, if that is more, but no more than `ASK_MOST`. */
const ASK_PART = 1 / 60;
const ASK_MOST = 30_000;

/**
 * Holds connections back after the password was refused.
 *
 * A second try of a wrong password is worse than none: Supabase bans an address from a database for half an
 * hour after three, and its pooler shuts an address out of a project for two minutes after ten. But what has
 * to be known costs no try. A server that speaks SCRAM sends the salt of the stored password before it wants
 * a proof, and a new salt with a new password. So the server is asked for the salt, the exchange is left at
 * that, and the password is tried when the salt has changed.
 *
 * Where the salt says nothing (none, or another one each time) the password is tried once more after two
 * seconds, because a pooler may learn of a new password by refusing it, and then every ten minutes.
 */
export class RefusedPassword {
  readonly #askForSalt: () => Promise<string | undefined>;
  readonly #now: () => number;
  #refusal: (Error & { retryAfter: number }) | undefined;
  #refusals = 0;
  #since = 0;
  #salt: string | undefined;
  #askAt = 0;
  #tryAt = 0;

  /**
   * @param askForSalt The salt that the server has now, if it has one. Rejects where it can't be reached.
   * @param now A clock that never steps back.
   */
  constructor(
    askForSalt: () => Promise<string | undefined>,
    now: () => number = () => performance.now(),
  ) {
    this.#askForSalt = askForSalt;
    this.#now = now;
  }

  /**
   * Settles if a connection may be opened.
   *
   * @throws {Error} The refusal, or whatever keeps the server from being asked.
   */
  async mayConnect(): Promise<void> {
    const refusal = this.#refusal;
    if (refusal === undefined || this.#now() >= this.#tryAt) return;
    if (this.#now() >= this.#askAt) {
      this.#askAt = Infinity;
      try {
        if (await this.#hasChanged()) return;
      } finally {
        refusal.retryAfter = this.#pause();
        this.#askAt = this.#now() + refusal.retryAfter;
      }
    }
    throw refusal;
  }

  /** A connection was opened. */
  accepted(): void {
    this.#refusal = undefined;
    this.#refusals = 0;
    this.#salt = undefined;
  }

  /**
   * A connection was not opened.
   *
   * @param salt What the server sent during the attempt.
   * @returns The error, which says by `retryAfter` when to ask again if it was for the password.
   */
  failed(error: unknown, salt: string | undefined): unknown {
    if (!(error instanceof Error) || !isWrongPassword(error)) return error;
    if (error === this.#refusal) return error; // Told by another statement on the same connection.
    const now = this.#now();
    if (this.#refusals++ === 0) this.#since = now;
    this.#salt = salt ?? this.#salt;
    const isFirst = this.#refusals === 1 && this.#salt === undefined;
    this.#tryAt = now + wrongPasswordPause(isFirst);
    const retryAfter = this.#pause();
    this.#askAt = now + retryAfter;
    this.#refusal = Object.assign(error, { retryAfter });
    return error;
  }

  async #hasChanged(): Promise<boolean> {
    const salt = await this.#askForSalt();
    if (salt === undefined || salt === this.#salt) return false;
    if (salt !== await this.#askForSalt()) return false;
    this.#salt = salt;
    return true;
  }

  /** At random within the upper half, so that workers don't ask in step. */
  #pause(): number {
    const part = (this.#now() - this.#since) * ASK_PART;
    return Math.min(Math.max(ASK, part), ASK_MOST) * (0.5 + Math.random() / 2);
  }
}
