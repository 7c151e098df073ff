import { rotateKey } from "@countersign/registry-admin";
import type { Algorithm } from "@countersign/verifier";
import type { Command } from "commander";
import { algorithmOption } from "../options/algorithm_option.ts";
import { durationOption, readInput } from "../options/input.ts";
import type { CliIo } from "../io.ts";
import { type OutputOptions, writeResult } from "../options/output.ts";
import { withoutUndefined } from "../options/without_undefined.ts";
import {
  addTargetOptions,
  hostOf,
  registryTarget,
  type TargetOptions,
} from "../options/registry_target.ts";

interface RotateCommandOptions extends TargetOptions, OutputOptions {
  readonly issuer: string;
  readonly publicKey: string;
  readonly algorithm?: Algorithm;
  readonly overlap: string;
}

/** `countersign rotate` */
export function addRotate(program: Command, io: CliIo): void {
  addTargetOptions(
    program.command("rotate").description("Give an issuer a new key, and its old ones an end"),
  )
    .requiredOption("--issuer <name>", "the issuer's name, which stays as it is")
    .requiredOption("--public-key <file>", 'the new public key as PEM, "-" for standard input')
    .addOption(algorithmOption())
    .option("--overlap <duration>", "how long the old keys keep working", "1h")
    .option("--json", "print the new key and the retiring ones as JSON")
    .addHelpText(
      "after",
      `
Example:
  $ export SUPABASE_SERVICE_ROLE_KEY=…
  $ countersign rotate --target https://prod-abc123.supabase.co --issuer billing \\
      --public-key ./keys/billing-2027.pub --overlap 1d
`,
    )
    .action(async (options: RotateCommandOptions) => {
      const { issuer, algorithm } = options;
      const overlap = durationOption("--overlap", options.overlap);
      const target = await registryTarget(options, io);
      const publicKey = await readInput(options.publicKey, "a public key", io);
      const result = await rotateKey({
        ...target,
        ...withoutUndefined({ algorithm }),
        issuer,
        publicKey,
        overlap,
        now: io.now,
      });
      writeResult(io, options, result, [
        `${issuer} has the new key ${result.key.kid} on ${hostOf(target)}`,
        ...result.retiring.map(({ kid, not_after }) => `key ${kid} works until ${not_after}`),
      ]);
    });
}
