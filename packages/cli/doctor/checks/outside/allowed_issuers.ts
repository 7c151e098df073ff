import { type Check, notChecked, ok, warning } from "../../finding.ts";

/** Whether the function accepts every registered issuer. It does not say which: names of issuers are not public. */
export const allowedIssuersCheck: Check = {
  name: "allowed",
  async run({ ready, issuers, allowedIssuers }) {
    const { facts: { issuersRestricted } } = await ready();
    if (issuersRestricted === undefined) return notChecked("the function does not report it");
    if (!issuersRestricted) return ok("the function accepts every registered issuer");
    const found = await issuers();
    if (allowedIssuers === undefined || "why" in found) {
      return notChecked(
        "COUNTERSIGN_ALLOWED_ISSUERS is set in the function; set it here as well to compare",
      );
    }
    const left = found.filter(({ isActive, issuer }) =>
      isActive && !allowedIssuers.includes(issuer)
    );
    return left.length === 0
      ? ok("COUNTERSIGN_ALLOWED_ISSUERS names every active issuer")
      : left.flatMap(({ issuer }) =>
        warning(
          "issuer_not_allowed",
          `${issuer} is registered and active, and COUNTERSIGN_ALLOWED_ISSUERS does not name it: its tokens are rejected`,
          "add it to COUNTERSIGN_ALLOWED_ISSUERS of the function, or deactivate it",
        )
      );
  },
};
