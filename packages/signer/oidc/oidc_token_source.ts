import { SignerError } from "../errors.ts";
import type { OidcToken } from "./github_actions.ts";

/** The share of its life for which a token is handed out. Platforms' tokens live from five minutes to an hour. */
export const DEFAULT_OIDC_REUSE = 0.8;
/** Milliseconds: what is left has to last for the request, its retries and the difference between two clocks. */
const LEAST_LEFT = 30_000;

/** Seconds since the epoch. */
interface Life {
  readonly exp: number;
  readonly iat: number;
}

interface Kept {
  readonly token: string;
  readonly since: number;
  readonly until: number;
}

/**
 * Hands out a platform's token while it lives, and asks for another in time. Concurrent callers share one question; a
 * failure is not kept.
 *
 * @param oidc Asks the platform.
 * @param now Milliseconds since the epoch.
 * @param reuse The share of a token's life for which it is handed out.
 */
export function oidcTokenSource(
  oidc: OidcToken,
  now: () => number,
  reuse: number,
): () => Promise<string> {
  let kept: Kept | undefined;
  let asking: Promise<string> | undefined;

  async function ask(): Promise<string> {
    const since = now();
    const token = await oidc();
    const life = lifeOf(token);
    kept = { token, since, until: since + usableFor(life, since, reuse) };
    return token;
  }

  return async () => {
    const at = now();
    if (kept !== undefined && at >= kept.since && at < kept.until) return kept.token;
    asking ??= ask().finally(() => asking = undefined);
    return await asking;
  };
}

/** Milliseconds for which a token may be handed out. */
function usableFor({ exp, iat }: Life, now: number, reuse: number): number {
  const until = Math.min(iat + (exp - iat) * reuse, exp - LEAST_LEFT / 1000);
  return Math.max(0, until * 1000 - now);
}

/** Reads when a token begins and ends. It is not verified: the target does that. */
function lifeOf(token: string): Life {
  const [, payload, signature, more] = typeof token === "string" ? token.split(".") : [];
  try {
    if (payload === undefined || signature === undefined || more !== undefined) throw new Error();
    const base64 = payload.replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof claims !== "object" || claims === null) throw new Error();
    const exp: unknown = Reflect.get(claims, "exp");
    const iat: unknown = Reflect.get(claims, "iat");
    if (typeof exp !== "number" || typeof iat !== "number") throw new Error();
    return { exp, iat };
  } catch {
    throw new SignerError(
      "oidc_unavailable",
      'The platform\'s answer is not a token, expected a signed JWT with "iat" and "exp"',
    );
  }
}
