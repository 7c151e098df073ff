import { type Algorithm, generateIssuerKeyPair } from "@countersign/signer";
import type { Command } from "commander";
import { algorithmOption } from "../options/algorithm_option.ts";
import type { CliIo } from "../io.ts";
import { checkKeyFiles, keyFileNames, writeKeyPair } from "../keys/key_files.ts";
import { type OutputOptions, writeResult } from "../options/output.ts";

interface KeygenOptions extends OutputOptions {
  readonly issuer: string;
  readonly target?: string;
  readonly out: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly algorithm: Algorithm;
}

/** `countersign keygen`. */
export function addKeygen(program: Command, io: CliIo): void {
  program.command("keygen")
    .description("Generate a key pair for one issuer on one target")
    .requiredOption("--issuer <name>", "the issuer's name, the iss of its tokens")
    .option("--target <url>", "the target's URL, to add to the file names")
    .option("--out <folder>", "the folder for both files", ".")
    .option("--force", "replace existing key files")
    .option("--dry-run", "show the file names, without writing anything")
    .addOption(algorithmOption().default("RS256"))
    .option("--json", "print the file names and the key's ID as JSON")
    .addHelpText(
      "after",
      `
Only you can read the private key file. The private key is never printed.

Example:
  $ countersign keygen --issuer billing --target https://prod-abc123.supabase.co --out ./keys
`,
    )
    .action(async (options: KeygenOptions) => {
      const files = keyFileNames(options.out, options.issuer, options.target);
      if (options.dryRun === true) {
        await checkKeyFiles(files, options.force === true);
        return writeResult(io, options, {
          json: { dryRun: true, issuer: options.issuer, ...files },
          lines: [`would write ${files.privateKeyFile} and ${files.publicKeyFile}`],
        });
      }
      const { privateKey, publicKey, kid, algorithm } = await generateIssuerKeyPair({
        algorithm: options.algorithm,
      });
      await writeKeyPair(files, { privateKey, publicKey }, options.force === true);
      const { issuer } = options;
      const { privateKeyFile, publicKeyFile } = files;
      writeResult(io, options, {
        json: { issuer, kid, algorithm, privateKeyFile, publicKeyFile },
        lines: [
          `private key  ${privateKeyFile}  (secret: give it only to ${issuer})`,
          `public key   ${publicKeyFile}  (register it on the target)`,
          `key ID       ${kid}`,
        ],
      });
    });
}
