import { type Check, notChecked, ok, problem } from "../../finding.ts";

const SECRETS = "COUNTERSIGN_JWT_SECRET or COUNTERSIGN_SIGNING_JWK";

/**
 * Whether PostgREST accepts what the function signs. The function's `/-/readyz` signs a token that may do nothing and has
 * PostgREST judge it, so no issuer has to be made up, and no private key has to be given to find out.
 */
export const secretCheck: Check = {
  name: "secret",
  async run({ ready }) {
    switch ((await ready()).checks.signature) {
      case "ok":
        return ok("PostgREST accepts what the function signs");
      case "refused":
        return problem(
          "signature_refused",
          "PostgREST does not accept what the function signs",
          `compare ${SECRETS} with the project's JWT keys, whose current one may have been rotated or revoked; if they are right, see clock`,
        );
      case "unknown":
        return notChecked("the function does not reach PostgREST; see upstream");
      default:
        return notChecked("the function does not report it");
    }
  },
};
