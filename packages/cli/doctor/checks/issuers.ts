import { type Check, notChecked, ok, problem } from "../finding.ts";
import { shellWord } from "../quoting.ts";

/** Whether every active issuer may do something at all. */
export const issuersCheck: Check = {
  name: "issuers",
  async run({ issuers }) {
    const found = await issuers();
    if ("why" in found) return notChecked(found.why);
    const idle = found.filter(({ isActive, policy }) => isActive && policy.roles.length === 0);
    return idle.length === 0
      ? ok("every active issuer has a role")
      : idle.flatMap(({ issuer }) =>
        problem(
          `${issuer} has no role: its tokens are refused`,
          `countersign policy set --issuer ${shellWord(issuer)} --role <role>`,
        )
      );
  },
};
