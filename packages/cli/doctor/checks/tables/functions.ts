import { type Check, listed, notChecked, ok, warning } from "../../finding.ts";

/** Whether issuers may call functions that run with their owner's rights. */
export const functionsCheck: Check = {
  name: "functions",
  async run({ exposure }) {
    const open = await exposure();
    if ("why" in open) return notChecked(open.why);
    return open.definerFunctions.length === 0
      ? ok("no function that issuers' roles may call runs with its owner's rights")
      : open.definerFunctions.flatMap(({ function: name, roles, readsClaims }) =>
        warning(
          "definer_function",
          `${name} runs with its owner's rights, past every policy, for ${listed(roles)}${
            readsClaims ? "; it reads who asks" : ", and does not look at who asks"
          }`,
          `if issuers need not call it: revoke execute on function ${name} from public, ${
            roles.join(", ")
          }; else let it be security invoker`,
        )
      );
  },
};
