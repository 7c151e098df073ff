import { getPolicy, type RegisteredPolicy, setPolicy } from "@countersign/registry-admin";
import type { Command } from "commander";
import { usage } from "../../errors.ts";
import type { CliIo } from "../../io.ts";
import { table } from "../../options/output.ts";
import {
  addPolicyOptions,
  addPolicyResets,
  policyFields,
  type PolicyOptions,
} from "../../options/policy_options.ts";
import { registryCommand } from "../../options/registry_command.ts";
import { hostOf } from "../../options/registry_target.ts";

interface GetOptions {
  readonly issuer: string;
}

/** `countersign policy get` and `countersign policy set`. */
export function addPolicy(program: Command, io: CliIo): void {
  const policy = program.command("policy").description("Show or change what an issuer may claim");

  registryCommand<GetOptions>(policy, io, {
    name: "get",
    description: "Show an issuer's policy",
    options: issuerOption,
    json: "the policy",
    example: "countersign policy get --target https://prod-abc123.supabase.co --issuer billing",
    run: async ({ issuer }, open) => {
      const found = await getPolicy(await open(), issuer);
      return { json: found, lines: table(["FIELD", "VALUE"], describe(found)) };
    },
  });

  registryCommand<GetOptions & PolicyOptions>(policy, io, {
    name: "set",
    description: "Set the named fields of an issuer's policy",
    changes: true,
    options: (command) => addPolicyResets(addPolicyOptions(issuerOption(command))),
    json: "the policy",
    notes: "A list replaces the previous one. Fields that are not named stay unchanged.",
    example: `countersign policy set --target https://prod-abc123.supabase.co --issuer billing \\
      --role invoices_writer --role invoices_reader --max-lifetime 2m`,
    run: async (options, open) => {
      const { issuer } = options;
      const fields = policyFields(options, io);
      if (Object.keys(fields).length === 0) {
        usage("Expected at least one field to set, like --role; see --help");
      }
      const target = await open();
      await setPolicy(target, issuer, fields);
      const found = await getPolicy(target, issuer);
      return {
        json: found,
        lines: [
          `set the policy of ${issuer} on ${hostOf(target)}`,
          ...table(["FIELD", "VALUE"], describe(found)),
        ],
      };
    },
  });
}

function issuerOption(command: Command): Command {
  return command.requiredOption("--issuer <name>", "the issuer's name");
}

function describe(policy: RegisteredPolicy): string[][] {
  const { rejectIssuedBefore } = policy;
  return [
    ["roles", names(policy.roles, "")],
    ["refused roles", names(policy.refusedRoles, "")],
    ["default role", policy.defaultRole ?? "none"],
    ["subjects", names(policy.subjects, "any that is not a user's id")],
    ["user subjects", policy.allowUserSubjects ? "allowed" : "refused"],
    ["claims", names(policy.claims, "any that is not protected")],
    ["audiences", names(policy.audiences, "the target's own")],
    ["longest lifetime", `${policy.maxTokenLifetime}s`],
    [
      "longest exchange",
      policy.maxExchangeLifetime === null ? "none" : `${policy.maxExchangeLifetime}s`,
    ],
    [
      "reject issued before",
      rejectIssuedBefore === null ? "none" : new Date(rejectIssuedBefore * 1000).toISOString(),
    ],
    ["single use", policy.singleUse ? "yes" : "no"],
    ["mode", policy.mode],
    ["description", policy.description ?? ""],
  ];
}

function names(list: readonly string[] | null, absent: string): string {
  if (list === null) return absent;
  return list.length === 0 ? "none" : list.join(", ");
}
