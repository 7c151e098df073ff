import { checksOf } from "../checks_of.ts";
import { type Check, notChecked, ok, problem } from "../finding.ts";

/** Whether the function can read its registry. */
export const registryCheck: Check = {
  name: "registry",
  async run({ readiness }) {
    const { registry } = checksOf(await readiness());
    if (registry === "ok") return ok("the function reads its registry");
    return registry === undefined ? notChecked("the function does not say") : problem(
      "the function can't read its registry, and refuses everyone",
      "check COUNTERSIGN_DB_URL: password, port, and the certificate (COUNTERSIGN_DB_CA); if migrations are missing, apply them",
    );
  },
};
