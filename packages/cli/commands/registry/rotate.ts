import { rotateKey } from "@countersign/registry-admin";
import type { Algorithm } from "@countersign/verifier";
import type { Command } from "commander";
import type { CliIo } from "../../io.ts";
import { algorithmOption } from "../../options/algorithm_option.ts";
import { durationOption, readInput } from "../../options/input.ts";
import { registryCommand } from "../../options/registry_command.ts";
import { hostOf } from "../../options/registry_target.ts";
import { withoutUndefined } from "../../options/without_undefined.ts";

interface RotateOptions {
  readonly issuer: string;
  readonly publicKey: string;
  readonly algorithm?: Algorithm;
  readonly overlap: string;
}

/** `countersign rotate`. */
export function addRotate(program: Command, io: CliIo): void {
  registryCommand<RotateOptions>(program, io, {
    name: "rotate",
    description: "Register a new key and schedule the old ones to expire",
    changes: true,
    options: (command) =>
      command
        .requiredOption("--issuer <name>", "the issuer's name, which does not change")
        .requiredOption("--public-key <file>", 'the new public key as PEM, "-" for standard input')
        .addOption(algorithmOption())
        .option("--overlap <duration>", "how long the old keys keep working", "1h"),
    json: "the new key and the retiring ones",
    example: `countersign rotate --target https://prod-abc123.supabase.co --issuer billing \\
      --public-key ./keys/billing-2027.pub --overlap 1d`,
    run: async ({ issuer, algorithm, publicKey, ...options }, open) => {
      const overlap = durationOption("--overlap", options.overlap);
      const target = await open();
      const result = await rotateKey({
        ...target,
        ...withoutUndefined({ algorithm }),
        issuer,
        overlap,
        publicKey: await readInput(publicKey, "a public key", io),
        now: io.now,
      });
      return {
        json: result,
        lines: [
          `${issuer} has the new key ${result.key.kid} on ${hostOf(target)}`,
          ...result.retiring.map(({ kid, not_after }) => `key ${kid} works until ${not_after}`),
        ],
      };
    },
  });
}
