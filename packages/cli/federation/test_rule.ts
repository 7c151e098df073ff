import { getProviderRecord } from "@countersign/registry-admin";
import type { Command } from "commander";
import { CliError, usage } from "../errors.ts";
import type { CliIo } from "../io.ts";
import { painter } from "../options/color.ts";
import { jsonObject, readInput } from "../options/input.ts";
import { printable } from "../options/output.ts";
import { registryCommand } from "../options/registry_command.ts";
import { judgedRules } from "./judged_rules.ts";
import { chosenRule, judgementLines } from "./rule_lines.ts";

interface TestOptions {
  readonly claims: string;
  readonly name?: string;
}

/** `countersign rule test`. */
export function addRuleTest(rule: Command, io: CliIo): void {
  registryCommand<TestOptions>(rule, io, {
    name: "test",
    description: "Hold claims against the rules of their provider, condition by condition",
    options: (command) =>
      command
        .requiredOption("--claims <file>", 'the claims of a token as JSON, "-" for standard input')
        .option(
          "--name <name>",
          "the rule that has to match, as the header Countersign-Rule names it",
        ),
    json: "every rule, condition by condition",
    notes:
      `Verifies no signature and no times: the claims may be a draft. Exit status 1 unless exactly one rule
that is active matches. To test a token, see countersign explain --help.`,
    example: "countersign rule test --target https://prod-abc123.supabase.co --claims claims.json",
    run: async ({ claims: path, name }, open) => {
      const claims = jsonObject("--claims", await readInput(path, "claims", io));
      const { iss } = claims;
      if (typeof iss !== "string") usage("Expected the claims to have an iss, the provider's");
      const provider = await getProviderRecord(await open(), iss);
      if (provider === undefined) {
        throw new CliError(
          "failed",
          `Expected an OIDC provider that is registered, found no "${iss}"`,
        );
      }
      const rules = judgedRules(provider.rules, claims);
      const chosen = provider.isActive
        ? chosenRule(rules, name)
        : { reason: "rule_not_matched", refused: "the provider is deactivated" };
      const paint = painter(io, "stdout");
      return {
        json: { provider: iss, isActive: provider.isActive, rules, ...chosen },
        lines: [
          ...judgementLines(rules, paint),
          "rule" in chosen
            ? paint("green", printable(`acts under ${chosen.rule}`))
            : paint("red", printable(`rejected: ${chosen.reason}: ${chosen.refused}`)),
        ],
        isPainted: true,
        ...("rule" in chosen ? {} : { exitCode: 1 as const }),
      };
    },
  });
}
