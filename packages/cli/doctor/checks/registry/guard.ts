import { guardStatus } from "@countersign/registry-admin";
import {
  type Check,
  type Finding,
  listed,
  notChecked,
  ok,
  problem,
  warning,
} from "../../finding.ts";
import type { Target } from "../../target.ts";

const FIX = "countersign guard enable";

/** Whether every request is checked again in its own transaction. */
export const guardCheck: Check = {
  name: "guard",
  async run(target) {
    const [opened, registered, { checks }] = await Promise.all([
      target.database(),
      target.issuers(),
      target.ready(),
    ]);
    if (checks.guard === "not_called") {
      return problem(
        "guard_not_called",
        "the database names the guard, and PostgREST does not call it",
        'set db-config = true in PostgREST\'s configuration, or db-pre-request = "countersign.check_request"; then restart it',
      );
    }
    if ("why" in opened) return byTheFunction(checks.guard, opened.why);
    if ("why" in registered) return notChecked(registered.why);
    const open = await target.exposure();
    if (!("why" in open) && !open.hasSealKey) {
      return problem(
        "no_seal_key",
        "no key of the seal is accepted: the function cannot seal a token, and rejects everyone",
        "countersign guard rotate-seal",
      );
    }
    const status = await guardStatus(opened);
    if (status.enabled) {
      return [
        ...await denied(target),
        ...ok(checks.guard === "ok" ? "on, and PostgREST calls it" : "on"),
      ];
    }
    const once = registered.filter(({ isActive, policy }) => isActive && policy.singleUse)
      .map(({ issuer }) => issuer);
    if (once.length > 0) {
      return problem(
        "guard_off_single_use",
        `off, so the tokens of ${listed(once)} can be used more than once`,
        FIX,
      );
    }
    return status.preRequest === null
      ? warning(
        "guard_off",
        "off, so a revoked issuer can write until the function has seen it",
        FIX,
      )
      : warning(
        "guard_replaced",
        `off: PostgREST calls ${status.preRequest} instead`,
        `${FIX}, which calls ${status.preRequest} after the guard`,
      );
  },
};

/** What can be said without the database. */
function byTheFunction(guard: unknown, why: string): readonly Finding[] {
  if (guard === "ok") return ok("PostgREST calls it");
  return guard === "off"
    ? warning("guard_off", "off, so a revoked issuer can write until the function has seen it", FIX)
    : notChecked(why);
}

async function denied({ exposure }: Target): Promise<readonly Finding[]> {
  const open = await exposure();
  if ("why" in open || open.guardDenied.length === 0) return [];
  return problem(
    "guard_denied",
    `${listed(open.guardDenied)} may not run the guard: every request with that role is rejected`,
    "grant usage on schema countersign to public; grant execute on function countersign.check_request(), countersign.check_token() to public",
  );
}
