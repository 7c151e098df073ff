import { type SignClaims, signMultiIssuerJwt } from "@countersign/signer";
import type { Algorithm } from "@countersign/verifier";
import type { Command } from "commander";
import { algorithmOption } from "../options/algorithm_option.ts";
import { usage } from "../errors.ts";
import { readInput, repeated } from "../options/input.ts";
import type { CliIo } from "../io.ts";
import { type OutputOptions, writeResult } from "../options/output.ts";
import { withoutUndefined } from "../options/without_undefined.ts";

interface MintOptions extends OutputOptions {
  readonly privateKey?: string;
  readonly issuer: string;
  readonly claims: string;
  readonly expiresIn: string;
  readonly algorithm?: Algorithm;
  readonly audience?: readonly string[];
}

/** `countersign mint`. */
export function addMint(program: Command, io: CliIo): void {
  program.command("mint")
    .description("Sign a token, for testing")
    .option(
      "--private-key <file>",
      'the private key as PEM, "-" for standard input (or the key itself in COUNTERSIGN_PRIVATE_KEY)',
    )
    .requiredOption("--issuer <name>", "the issuer's name, the iss of the token")
    .requiredOption("--claims <json>", "the other claims, sub included")
    .option("--expires-in <duration>", "the token's lifetime, like 60s, 5m, or seconds", "60s")
    .addOption(algorithmOption())
    .option("--audience <aud>", "the target that it is for (repeatable)", repeated)
    .option("--json", "print the token as JSON")
    .addHelpText(
      "after",
      `
Prints only the token. A service signs its own tokens with @countersign/signer.

Example:
  $ countersign mint --private-key ./keys/billing-prod-abc123.key --issuer billing \\
      --claims '{"sub": "job-42", "role": "invoices_writer"}'
`,
    )
    .action(async (options: MintOptions) => {
      const { issuer, expiresIn, algorithm, audience } = options;
      const token = await signMultiIssuerJwt({
        ...withoutUndefined({ algorithm, audience }),
        privateKey: await privateKey(options.privateKey, io),
        issuer,
        claims: claimsOption(options.claims),
        expiresIn: /^\d+$/.test(expiresIn) ? Number(expiresIn) : expiresIn,
      });
      writeResult(io, options, { json: { token }, lines: [token] });
    });
}

async function privateKey(path: string | undefined, io: CliIo): Promise<string> {
  if (path !== undefined) return await readInput(path, "a private key", io);
  const key = io.env.COUNTERSIGN_PRIVATE_KEY;
  if (!key) usage("Expected --private-key <file>, or a private key in COUNTERSIGN_PRIVATE_KEY");
  return key;
}

function claimsOption(json: string): SignClaims {
  let claims: unknown;
  try {
    claims = JSON.parse(json);
  } catch {
    usage(`Expected --claims to be JSON, like '{"sub": "job-42", "role": "invoices_writer"}'`);
  }
  if (typeof claims !== "object" || claims === null || Array.isArray(claims)) {
    usage("Expected --claims to be a JSON object");
  }
  const { sub, ...others }: Partial<Record<string, unknown>> = { ...claims };
  if (typeof sub !== "string" || sub === "") {
    usage(`Expected --claims to contain "sub", the subject that acts`);
  }
  return { ...others, sub };
}
