import { defaultAudience } from "@countersign/swap-proxy";
import { type Check, notChecked, ok, warning } from "../../finding.ts";

/** Whether the function answers to the names under which issuers know the project. */
export const audienceCheck: Check = {
  name: "audience",
  async run({ ready, url, issuers }) {
    const { facts: { audience } } = await ready();
    if (audience === undefined) return notChecked("the function does not report it");
    const usual = defaultAudience(new URL(url));
    if (!usual.some((name) => audience.includes(name))) {
      return warning(
        "audience_other",
        `the function accepts tokens for ${audience.join(", ")}, and not for ${usual.join(", ")}`,
        "let issuers name one of those as aud, or remove COUNTERSIGN_AUDIENCE from the function",
      );
    }
    const found = await issuers();
    const unmet = "why" in found
      ? []
      : found.filter(({ isActive, policy }) =>
        isActive && policy.audiences !== null &&
        !policy.audiences.some((name) => audience.includes(name))
      );
    return unmet.length === 0 ? ok(`the function accepts tokens for ${audience.join(", ")}`) : unmet
      .flatMap(({ issuer, policy }) =>
        warning(
          "audience_unusual",
          `tokens of ${issuer} have to name ${
            policy.audiences?.join(" or ") || "no audience at all"
          }, which is none of the function's`,
          `intended for a target that shares its registry; else: countersign policy set --issuer ${issuer} --own-audience`,
        )
      );
  },
};
