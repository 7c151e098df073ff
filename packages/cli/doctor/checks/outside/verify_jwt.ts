import { type Check, notChecked, ok, problem } from "../../finding.ts";

/**
 * Whether the platform lets an issuer's token through to the function. The function's health never answers with 401, so
 * a 401 there is the platform's.
 */
export const verifyJwtCheck: Check = {
  name: "verify_jwt",
  async run({ health }) {
    const { status, body } = await health();
    if (status === 401) {
      return problem(
        "verify_jwt_on",
        "the platform verifies tokens itself, and rejects every issuer's",
        "set verify_jwt = false below [functions.rest] in supabase/config.toml, then supabase functions deploy rest",
      );
    }
    return status === 200 && body.status === "ok"
      ? ok("the platform leaves tokens to the function")
      : notChecked("the function does not answer");
  },
};
