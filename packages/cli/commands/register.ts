import { registerPublicKey } from "@countersign/registry-admin";
import type { Algorithm } from "@countersign/verifier";
import type { Command } from "commander";
import { algorithmOption } from "../options/algorithm_option.ts";
import { readInput, timeOption } from "../options/input.ts";
import type { CliIo } from "../io.ts";
import { type OutputOptions, writeResult, writeWarning } from "../options/output.ts";
import { addPolicyOptions, policyFields, type PolicyOptions } from "../options/policy_options.ts";
import {
  addTargetOptions,
  hostOf,
  registryTarget,
  type TargetOptions,
} from "../options/registry_target.ts";
import { withoutUndefined } from "../options/without_undefined.ts";

interface RegisterCommandOptions extends TargetOptions, PolicyOptions, OutputOptions {
  readonly issuer: string;
  readonly publicKey: string;
  readonly algorithm?: Algorithm;
  readonly notBefore?: string;
  readonly notAfter?: string;
}

/** `countersign register` */
export function addRegister(program: Command, io: CliIo): void {
  const command = program.command("register")
    .description("Register a public key for an issuer on a target");
  addTargetOptions(command)
    .requiredOption("--issuer <name>", "the issuer's name, the iss of its tokens")
    .requiredOption("--public-key <file>", 'the public key as PEM, "-" for standard input')
    .addOption(algorithmOption())
    .option("--not-before <time>", "when the key starts to work")
    .option("--not-after <time>", "when the key stops working");
  addPolicyOptions(command)
    .option("--json", "print the registered row as JSON")
    .addHelpText(
      "after",
      `
Only the parts of the policy that are named are set. Without --role a new issuer can do nothing yet.

Example:
  $ export SUPABASE_SERVICE_ROLE_KEY=…
  $ countersign register --target https://prod-abc123.supabase.co --issuer billing \\
      --public-key ./keys/billing-prod-abc123.pub --role invoices_writer
`,
    )
    .action(async (options: RegisterCommandOptions) => {
      const { issuer, algorithm, notBefore, notAfter } = options;
      const target = await registryTarget(options, io);
      const row = await registerPublicKey({
        ...target,
        ...policyFields(options, io),
        ...withoutUndefined({
          algorithm,
          notBefore: notBefore === undefined
            ? undefined
            : timeOption("--not-before", notBefore, io),
          notAfter: notAfter === undefined ? undefined : timeOption("--not-after", notAfter, io),
        }),
        issuer,
        publicKey: await readInput(options.publicKey, "a public key", io),
        onWarning: (message) => writeWarning(io, options, message),
      });
      writeResult(io, options, row, [
        `registered ${row.algorithm} key ${row.kid} for ${row.issuer} on ${hostOf(target)}`,
      ]);
    });
}
