import { type Check, notChecked, ok, problem } from "../../finding.ts";

/** Whether PostgREST takes the role from the claim that the function checks. */
export const roleClaimCheck: Check = {
  name: "role_claim",
  async run({ ready, exposure }) {
    const { role_claim: found } = (await ready()).checks;
    const open = await exposure();
    const setting = "why" in open ? undefined : open.postgrest.jwt_role_claim_key;
    if (found === "wrong" || setting !== undefined && setting !== ".role" && setting !== "$.role") {
      return problem(
        "role_claim_other",
        `PostgREST takes the role from another claim than "role"${
          setting === undefined ? "" : `: ${setting}`
        }`,
        setting === undefined
          ? "set jwt-role-claim-key of PostgREST's configuration back to .role"
          : "alter role authenticator reset pgrst.jwt_role_claim_key; notify pgrst, 'reload config'",
      );
    }
    return found === "ok"
      ? ok('PostgREST takes the role from "role"')
      : notChecked("the function could not find out; check jwt-role-claim-key of PostgREST");
  },
};
