import { type Check, listed, notChecked, ok, warning } from "../../finding.ts";

/** Whether what issuers touch calls `auth.uid()`, which fails for a subject that is not a UUID. */
export const userIdsCheck: Check = {
  name: "user_ids",
  async run({ relations, issuers }) {
    const [found, registered] = [await relations(), await issuers()];
    if ("why" in found) return notChecked(found.why);
    if ("why" in registered) return notChecked(registered.why);
    const notUsers = new Set(
      registered.filter(({ isActive, policy }) => isActive && !policy.allowUserSubjects)
        .flatMap(({ policy }) => policy.roles),
    );
    const findings = found
      .filter(({ role, granted, callsUid }) =>
        notUsers.has(role) && granted.length > 0 && callsUid.length > 0
      )
      .flatMap(({ role, relation, callsUid }) =>
        warning(
          "calls_uid",
          `${
            listed(callsUid)
          } of ${relation} calls auth.uid(), which fails with 22P02 for ${role}, whose subjects are no UUIDs`,
          "write case when countersign.claims() is null then auth.uid() end in its place",
        )
      );
    return findings.length === 0
      ? ok("nothing that issuers' roles touch takes their subject for a user's ID")
      : findings;
  },
};
