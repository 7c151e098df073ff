import { SignerError } from "../errors.ts";

/** What is asked, and with what. */
export interface Exchange {
  /** From `tokenEndpoint`. */
  readonly endpoint: string;
  readonly fetch: typeof globalThis.fetch;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** The share of its life for which a token is handed out. */
const RENEWAL = 0.8;
/** Milliseconds that a token still has to live to stand in for one that could not be had. */
const LEAST_LEFT = 10_000;
/** Milliseconds for an answer. */
const TIMEOUT = 10_000;
/** Milliseconds that a failure is repeated for instead of asking again: from the first, doubling, to the most. */
const FIRST_PAUSE = 1_000;
const MOST_PAUSE = 60_000;

const GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT = "urn:ietf:params:oauth:token-type:jwt";

interface Held {
  readonly token: string;
  readonly since: number;
  readonly lifetime: number;
}

interface Failure {
  readonly error: unknown;
  readonly since: number;
  readonly pause: number;
}

/**
 * Hands out the token that another source's is exchanged for (RFC 8693), the same one for 80 % of its life.
 *
 * One exchange is under way at a time, and all callers share it. After a failure nobody asks for a second, then two, and
 * so on to a minute. A token that is not over stands in where the endpoint cannot be reached, and never where it refused.
 * Lives are counted from before the question by this machine's clock alone; a clock that is set back ends what it measured.
 */
export function exchanging(
  subject: () => Promise<string>,
  { endpoint, fetch, now }: Exchange,
): () => Promise<string> {
  let held: Held | undefined;
  let failure: Failure | undefined;
  let pending: Promise<string> | undefined;

  return async () => {
    const at = now();
    if (held !== undefined && isWithin(at, held.since, held.lifetime * RENEWAL)) return held.token;
    if (failure !== undefined && isWithin(at, failure.since, failure.pause)) {
      return standIn(at, failure.error);
    }
    return await (pending ??= renew().finally(() => pending = undefined));
  };

  async function renew(): Promise<string> {
    try {
      const token = await subject();
      const since = now();
      held = { ...await ask(token), since };
      failure = undefined;
      return held.token;
    } catch (error) {
      const pause = Math.min((failure?.pause ?? FIRST_PAUSE / 2) * 2, MOST_PAUSE);
      failure = { error, since: now(), pause };
      return standIn(failure.since, error);
    }
  }

  function standIn(at: number, error: unknown): string {
    const isRefused = error instanceof SignerError && error.code === "exchange_refused";
    if (!isRefused && held !== undefined && isWithin(at, held.since, held.lifetime - LEAST_LEFT)) {
      return held.token;
    }
    throw error;
  }

  async function ask(token: string): Promise<Pick<Held, "token" | "lifetime">> {
    let response: Response;
    let body: unknown;
    try {
      response = await fetch(endpoint, {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams({
          grant_type: GRANT,
          subject_token: token,
          subject_token_type: JWT,
        }).toString(),
        // Whoever redirects would get the token.
        redirect: "manual",
        signal: AbortSignal.timeout(TIMEOUT),
      });
      body = await response.json();
    } catch {
      throw new SignerError("exchange_unavailable", "The token endpoint does not answer as one");
    }
    const code = String(member(body, "code") ?? "");
    const reason = /^[a-z_]{1,64}$/.test(code) ? ` with "${code}"` : "";
    if (response.status >= 400 && response.status < 500 && reason !== "") {
      throw new SignerError("exchange_refused", `The token endpoint refused the token${reason}`);
    }
    const issued = member(body, "access_token");
    const seconds = member(body, "expires_in");
    if (response.ok && typeof issued === "string" && typeof seconds === "number" && seconds > 0) {
      return { token: issued, lifetime: seconds * 1000 };
    }
    throw new SignerError(
      "exchange_unavailable",
      `The token endpoint answered without a token${reason}`,
    );
  }
}

function isWithin(at: number, since: number, span: number): boolean {
  return at >= since && at < since + span;
}

function member(body: unknown, name: string): unknown {
  return typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined;
}
