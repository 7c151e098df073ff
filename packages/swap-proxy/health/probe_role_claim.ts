import { DOWNSTREAM_LIFETIME } from "../downstream/downstream_token.ts";
import type { ProxySettings } from "../options/proxy_settings.ts";
import { askPostgrest, type PostgrestAnswer, TRANSACTIONS } from "./ask_postgrest.ts";

/** Whether PostgREST takes the role from the token's `role`. */
export type RoleClaim = "ok" | "wrong" | "unknown";

/**
 * Asks PostgREST to become a role that cannot exist, because its name is made up for this question. Only who reads
 * `role` can complain of that name; with another `jwt-role-claim-key` the request runs as somebody else.
 *
 * Nothing is executed: the transaction ends where the role is set. Postgres logs the error.
 */
export async function probeRoleClaim(
  { signer, forward, now }: Pick<ProxySettings, "signer" | "forward" | "now">,
): Promise<RoleClaim> {
  const role = `countersign_probe_${crypto.randomUUID().slice(0, 8)}`;
  const token = await signer.sign({ role, exp: Math.floor(now() / 1000) + DOWNSTREAM_LIFETIME });
  for (const question of TRANSACTIONS) {
    const verdict = judge(await askPostgrest(forward, question, token), role);
    if (verdict !== "not_exposed") return verdict;
  }
  return "unknown";
}

function judge(answer: PostgrestAnswer | undefined, role: string): RoleClaim | "not_exposed" {
  if (answer === undefined || answer.status >= 500) return "unknown";
  const { code = "", message, isResult } = answer;
  if (code === "22023" && message.includes(role)) return "ok";
  // PGRST302: PostgREST found no role in a token that has one, and there is no anonymous role.
  if (isResult || code === "PGRST302") return "wrong";
  if (/^PGRST[12]/.test(code)) return "not_exposed";
  if (code.startsWith("PGRST") || code === "") return "unknown";
  // An error of Postgres, or of a function in it, that another role ran into.
  return "wrong";
}
