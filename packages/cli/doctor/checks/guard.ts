import { guardStatus } from "@countersign/registry-admin";
import { type Check, notChecked, ok, problem, warning } from "../finding.ts";

const FIX = "countersign guard enable";

/** Whether every request is checked again in its own transaction. */
export const guardCheck: Check = {
  name: "guard",
  async run({ database, issuers }) {
    const opened = await database();
    if ("why" in opened) return notChecked(opened.why);
    const registered = await issuers();
    if ("why" in registered) return notChecked(registered.why);
    if ((await guardStatus(opened)).enabled) return ok("on");
    const once = registered.filter(({ isActive, policy }) => isActive && policy.singleUse)
      .map(({ issuer }) => issuer);
    return once.length > 0
      ? problem(`off, so the tokens of ${once.join(", ")} can be used more than once`, FIX)
      : warning("off, so a revoked issuer can write until the function has seen it", FIX);
  },
};
