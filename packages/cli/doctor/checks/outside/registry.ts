import config from "../../../deno.json" with { type: "json" };
import { type Check, type Finding, notChecked, ok, problem, warning } from "../../finding.ts";
import type { Target } from "../../target.ts";

/** Whether the function can read its registry, and whether that is the one that its operator means. */
export const registryCheck: Check = {
  name: "registry",
  async run(target) {
    const { checks } = await target.ready();
    if (checks.registry === "ok") {
      const other = await otherRegistry(target);
      return other ?? ok("the function reads its registry");
    }
    if (checks.registry === undefined) return notChecked("the function does not report it");
    const open = await target.exposure();
    if (!("why" in open) && !open.hasSealKey) {
      return notChecked("the registry has no key for the seal; see guard");
    }
    return problem(
      "registry_unreadable",
      "the function cannot read its registry, and rejects everyone",
      "check COUNTERSIGN_DB_URL of the function: user, password, port, and the certificate (COUNTERSIGN_DB_CA); a dedicated user needs countersign_reader; apply the migrations if they are missing",
    );
  },
};

async function otherRegistry(target: Target): Promise<readonly Finding[] | undefined> {
  const found = await target.registryIdentity();
  if ("why" in found) return undefined;
  const { facts } = await target.ready();
  if (facts.database !== undefined && facts.database !== found.database) {
    return problem(
      "other_registry",
      "the function reads another database's registry than the one that was given: what you change here does not reach it",
      "set COUNTERSIGN_DB_URL of the function to this project's database, or remove it to use the platform's; or give the function's database here",
    );
  }
  if (facts.registryVersion === undefined || facts.registryVersion === found.version) {
    return undefined;
  }
  // A change may be on its way: the function confirms what it knows every few seconds.
  const [later, now] = await target.registryAgain();
  return later.registryVersion === now.version || later.registryVersion === undefined
    ? undefined
    : problem(
      "stale_registry",
      `the function has version ${later.registryVersion} of the registry, and the database ${now.version}`,
      "the function reads a replica that is behind, or a copy: set COUNTERSIGN_DB_URL of the function to the primary database",
    );
}

/** Whether the function is of the release that this command belongs to. */
export const versionCheck: Check = {
  name: "version",
  async run({ ready }) {
    const { version } = (await ready()).facts;
    if (version === undefined) return notChecked("the function does not report it");
    return version === config.version ? ok(`the function is version ${version}`) : warning(
      "other_version",
      `the function is version ${version}, and this command ${config.version}`,
      `use one release: change the version in supabase/functions/rest/deno.json and deploy, or run @countersign/cli@${version}`,
    );
  },
};
