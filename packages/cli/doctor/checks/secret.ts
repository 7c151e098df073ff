import { isPostgrest } from "./apikey.ts";
import { checksOf } from "../checks_of.ts";
import { type Check, notChecked, ok, problem } from "../finding.ts";

const SECRETS = "COUNTERSIGN_JWT_SECRET or COUNTERSIGN_SIGNING_JWK";

/**
 * Whether PostgREST accepts what the function signs. The function's `/-/readyz` signs a token that may do nothing and has
 * PostgREST judge it, so no issuer has to be made up, and no private key has to be given to find out.
 */
export const secretCheck: Check = {
  name: "secret",
  async run({ readiness, postgrest }) {
    const { signature } = checksOf(await readiness());
    if (signature === "ok") return ok("PostgREST accepts a token that the function signed");
    if (signature === undefined) return notChecked("the function does not say");
    const answer = await postgrest();
    if (answer === undefined) {
      return problem(
        "PostgREST does not accept a token that the function signed, or does not answer it",
        `give --apikey to tell which; then compare ${SECRETS} with the project's JWT keys`,
      );
    }
    return isPostgrest(answer)
      ? problem(
        "PostgREST answers here, and does not accept a token that the function signed",
        `compare ${SECRETS} with the project's JWT keys, and see clock; if both are right, the function's own key for the gateway (SUPABASE_PUBLISHABLE_KEYS) was revoked: deploy again`,
      )
      : problem(
        "the function gets no answer from PostgREST, and neither does this machine",
        "see apikey",
      );
  },
};
