import { type Check, notChecked, ok, warning } from "../../finding.ts";

/** Whether somebody's open transaction holds up changes of the registry. */
export const sessionsCheck: Check = {
  name: "sessions",
  async run({ exposure }) {
    const open = await exposure();
    if ("why" in open) return notChecked(open.why);
    return open.holders.length === 0
      ? ok("no open transaction holds up a change of the registry")
      : open.holders.flatMap(({ pid, user, query }) =>
        warning(
          "change_held_up",
          `session ${pid} of ${user} has had a transaction open that locks the registry: a revocation waits for it. Its last statement: ${query}`,
          `end it where it was begun, or: select pg_terminate_backend(${pid})`,
        )
      );
  },
};
