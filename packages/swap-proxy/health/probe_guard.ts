import { DOWNSTREAM_LIFETIME } from "../downstream/downstream_token.ts";
import type { ProxySettings } from "../options/proxy_settings.ts";
import { askPostgrest, type PostgrestAnswer, TRANSACTIONS } from "./ask_postgrest.ts";

/** Whether PostgREST calls the guard. */
export type GuardCall = "called" | "not_called" | "unknown";

/** Well-formed, and of no key: nothing hashes to 32 bytes of zeros. */
const NO_KID = "A".repeat(43);

/**
 * Sends PostgREST a token that the guard has to refuse: one with a mark, of a key that does not exist. Nobody but
 * the guard refuses it with the guard's code, and whatever else happens to it, the guard was not asked.
 */
export async function probeGuard(
  { signer, forward, now }: Pick<ProxySettings, "signer" | "forward" | "now">,
): Promise<GuardCall> {
  const iat = Math.floor(now() / 1000);
  const mark = { kid: NO_KID, iat };
  const token = await signer.sign({
    role: "anon",
    exp: iat + DOWNSTREAM_LIFETIME,
    countersign: mark,
  });
  for (const question of TRANSACTIONS) {
    const verdict = judge(await askPostgrest(forward, question, token));
    if (verdict !== "not_exposed") return verdict;
  }
  return "unknown";
}

function judge(answer: PostgrestAnswer | undefined): GuardCall | "not_exposed" {
  if (answer === undefined || answer.status >= 500) return "unknown";
  const { code = "", isResult } = answer;
  if (code === "token_refused") return "called";
  if (isResult) return "not_called";
  if (/^PGRST[12]/.test(code)) return "not_exposed";
  // 22023: this target has no role "anon", so the transaction ended before the guard could be called.
  if (code.startsWith("PGRST") || code === "22023" || code === "") return "unknown";
  return "not_called";
}
