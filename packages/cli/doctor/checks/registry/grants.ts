import { type Check, listed, notChecked, ok, problem, warning } from "../../finding.ts";

/** Whether the registry is open to those who should not see it, and to those who should. */
export const grantsCheck: Check = {
  name: "grants",
  async run({ exposure }) {
    const open = await exposure();
    if ("why" in open) return notChecked(open.why);
    const { registryGrants, registryUnprotected, serviceRoleLacks } = open;
    const { readerFunctions, readerLogsIn } = open;
    const findings = [
      ...registryGrants.length === 0 ? [] : problem(
        "registry_granted",
        `the registry is granted to the public: ${listed(registryGrants)}`,
        "apply the migrations again, which take back what was granted; or revoke all on each of them from anon, authenticated",
      ),
      ...registryUnprotected.length === 0 ? [] : problem(
        "registry_unprotected",
        `${listed(registryUnprotected)} has no row level security, or does not force it`,
        "apply the migrations again, which enable and force it",
      ),
      ...serviceRoleLacks.length === 0 ? [] : warning(
        "service_role_lacks",
        `service_role lacks ${
          listed(serviceRoleLacks)
        }: the registry cannot be administered with a service key`,
        "apply the migrations again, which grant it",
      ),
      ...!readerLogsIn || readerFunctions.length === 0 ? [] : warning(
        "reader_can_call",
        `countersign_reader, and anyone who has its password, may call ${
          listed(readerFunctions)
        } with any claims it sets itself`,
        "revoke execute on these functions from public, and grant it to the roles that need it",
      ),
    ];
    return findings.length === 0 ? ok("the registry is closed to the public") : findings;
  },
};
