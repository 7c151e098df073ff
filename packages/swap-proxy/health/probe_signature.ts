import { DOWNSTREAM_LIFETIME } from "../downstream/downstream_token.ts";
import type { ProxySettings } from "../options/proxy_settings.ts";
import { askPostgrest, type PostgrestAnswer } from "./ask_postgrest.ts";

/** Who answered, and whether it accepts what this proxy signs. */
export interface Upstream {
  readonly upstream: "ok" | "unreachable" | "unavailable" | "refused" | "not_postgrest";
  readonly signature: "ok" | "refused" | "unknown";
}

/** No function has this name. */
const NO_FUNCTION = "/rpc/countersign_readyz";

/**
 * Asks for a function that does not exist. PostgREST looks at the token before it looks for the function, and needs
 * no database for either, so its own 404 says that the gateway takes our apikey, and that key and clock are right.
 */
export async function probeSignature(
  { signer, forward, now }: Pick<ProxySettings, "signer" | "forward" | "now">,
): Promise<Upstream> {
  let token: string;
  try {
    token = await signer.sign({
      role: "anon",
      exp: Math.floor(now() / 1000) + DOWNSTREAM_LIFETIME,
    });
  } catch {
    return { upstream: "ok", signature: "refused" };
  }
  return judge(await askPostgrest(forward, { path: NO_FUNCTION }, token));
}

function judge(answer: PostgrestAnswer | undefined): Upstream {
  if (answer === undefined) return { upstream: "unreachable", signature: "unknown" };
  const { status, code = "" } = answer;
  switch (code) {
    case "PGRST202":
    case "PGRST302": // The signature held; what is missing is the role.
      return { upstream: "ok", signature: "ok" };
    case "PGRST300":
    case "PGRST301":
    case "PGRST303":
      return { upstream: "ok", signature: "refused" };
  }
  if (status >= 500) return { upstream: "unavailable", signature: "unknown" };
  const isRefused = status === 401 || status === 403;
  return { upstream: isRefused ? "refused" : "not_postgrest", signature: "unknown" };
}
