import { type Check, type Finding, notChecked, ok, problem, warning } from "../../finding.ts";
import { shellWord } from "../../quoting.ts";
import type { IssuerSummary } from "@countersign/registry-admin";

/** Whether every active issuer may do something, and its policy lets a token through at all. */
export const issuersCheck: Check = {
  name: "issuers",
  async run({ issuers, now }) {
    const found = await issuers();
    if ("why" in found) return notChecked(found.why);
    if (found.length === 0) {
      return warning(
        "no_issuer",
        "no issuer is registered: every token is rejected",
        "countersign keygen, then countersign register",
      );
    }
    const findings = found.filter(({ isActive }) => isActive)
      .flatMap((summary) => ofIssuer(summary, now()));
    return findings.length === 0 ? ok("every active issuer has a role") : findings;
  },
};

function ofIssuer({ issuer, policy }: IssuerSummary, now: number): Finding[] {
  const set = `countersign policy set --issuer ${shellWord(issuer)}`;
  const { roles, subjects, rejectIssuedBefore, mode } = policy;
  if (roles.length === 0) {
    return problem(
      "issuer_without_role",
      `${issuer} has no role: its tokens are rejected`,
      `${set} --role <role>`,
    );
  }
  if (subjects !== null && subjects.length === 0) {
    return problem(
      "issuer_without_subject",
      `${issuer} may use no subject: its tokens are rejected`,
      `${set} --any-subject`,
    );
  }
  if (rejectIssuedBefore !== null && rejectIssuedBefore * 1000 > now + 60_000) {
    return problem(
      "issuer_cut_off",
      `tokens of ${issuer} are rejected until ${
        new Date(rejectIssuedBefore * 1000).toISOString()
      }: its cutoff is in the future`,
      `${set} --reject-issued-before now, or --no-reject-issued-before`,
    );
  }
  return mode === "observe"
    ? warning(
      "issuer_observed",
      `${issuer} is in observe mode: what its policy forbids is reported and let through`,
      `${set} --mode enforce`,
    )
    : [];
}
