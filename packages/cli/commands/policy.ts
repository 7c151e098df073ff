import { getPolicy, type RegisteredPolicy, setPolicy } from "@countersign/registry-admin";
import type { Command } from "commander";
import { usage } from "../errors.ts";
import type { CliIo } from "../io.ts";
import { type OutputOptions, table, writeResult } from "../options/output.ts";
import {
  addPolicyOptions,
  addPolicyResets,
  policyFields,
  type PolicyOptions,
} from "../options/policy_options.ts";
import {
  addTargetOptions,
  hostOf,
  registryTarget,
  type TargetOptions,
} from "../options/registry_target.ts";

interface GetOptions extends TargetOptions, OutputOptions {
  readonly issuer: string;
}

type SetOptions = GetOptions & PolicyOptions;

/** `countersign policy get` and `countersign policy set` */
export function addPolicy(program: Command, io: CliIo): void {
  const policy = program.command("policy").description("What an issuer's tokens may claim");

  addTargetOptions(policy.command("get").description("Show an issuer's policy"))
    .requiredOption("--issuer <name>", "the issuer's name")
    .option("--json", "print the policy as JSON")
    .addHelpText(
      "after",
      `
Example:
  $ export SUPABASE_SERVICE_ROLE_KEY=…
  $ countersign policy get --target https://prod-abc123.supabase.co --issuer billing
`,
    )
    .action(async (options: GetOptions) => {
      const found = await getPolicy(await registryTarget(options, io), options.issuer);
      writeResult(io, options, found, table(["FIELD", "VALUE"], describe(found)));
    });

  const set = addTargetOptions(
    policy.command("set").description("Set the named parts of an issuer's policy"),
  ).requiredOption("--issuer <name>", "the issuer's name");
  addPolicyResets(addPolicyOptions(set))
    .option("--json", "print the policy as JSON")
    .addHelpText(
      "after",
      `
A list that is named replaces the one before. What is not named stays as it is.

Example:
  $ export SUPABASE_SERVICE_ROLE_KEY=…
  $ countersign policy set --target https://prod-abc123.supabase.co --issuer billing \\
      --role invoices_writer --role invoices_reader --max-lifetime 2m
`,
    )
    .action(async (options: SetOptions) => {
      const { issuer } = options;
      const fields = policyFields(options, io);
      if (Object.keys(fields).length === 0) {
        usage("Expected something to set, like --role; see --help");
      }
      const target = await registryTarget(options, io);
      await setPolicy(target, issuer, fields);
      const found = await getPolicy(target, issuer);
      writeResult(io, options, found, [
        `set the policy of ${issuer} on ${hostOf(target)}`,
        ...table(["FIELD", "VALUE"], describe(found)),
      ]);
    });
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
