import { registerPublicKey } from "@countersign/registry-admin";
import type { Algorithm } from "@countersign/verifier";
import type { Command } from "commander";
import type { CliIo } from "../../io.ts";
import { algorithmOption } from "../../options/algorithm_option.ts";
import { readInput, timeOption } from "../../options/input.ts";
import { writeWarning } from "../../options/output.ts";
import {
  addPolicyOptions,
  policyFields,
  type PolicyOptions,
} from "../../options/policy_options.ts";
import { registryCommand } from "../../options/registry_command.ts";
import { hostOf } from "../../options/registry_target.ts";
import { withoutUndefined } from "../../options/without_undefined.ts";

interface RegisterOptions extends PolicyOptions {
  readonly issuer: string;
  readonly publicKey: string;
  readonly algorithm?: Algorithm;
  readonly notBefore?: string;
  readonly notAfter?: string;
}

/** `countersign register`. */
export function addRegister(program: Command, io: CliIo): void {
  registryCommand<RegisterOptions>(program, io, {
    name: "register",
    description: "Register a public key for an issuer on a target",
    changes: true,
    options: (command) =>
      addPolicyOptions(
        command
          .requiredOption("--issuer <name>", "the issuer's name, the iss of its tokens")
          .requiredOption("--public-key <file>", 'the public key as PEM, "-" for standard input')
          .addOption(algorithmOption())
          .option("--not-before <time>", "when the key starts to verify tokens")
          .option("--not-after <time>", "when the key stops verifying tokens"),
      ),
    json: "the registered key",
    notes:
      "Sets only the named fields of the policy. Without --role, the tokens of a new issuer are rejected.",
    example: `countersign register --target https://prod-abc123.supabase.co --issuer billing \\
      --public-key ./keys/billing-prod-abc123.pub --role invoices_writer`,
    run: async (options, open) => {
      const { issuer, algorithm, notBefore, notAfter } = options;
      const target = await open();
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
      return {
        json: row,
        lines: [
          `registered ${row.algorithm} key ${row.kid} for ${row.issuer} on ${hostOf(target)}`,
        ],
      };
    },
  });
}
