import { getProviderRecord } from "@countersign/registry-admin";
import { type FederationRule, JwtVerificationError, mapClaims } from "@countersign/verifier";
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
    description: "Hold claims against the rules of their provider, and show what comes of them",
    options: (command) =>
      command
        .requiredOption("--claims <file>", 'the claims of a token as JSON, "-" for standard input')
        .option(
          "--name <name>",
          "the rule that has to match, as the header Countersign-Rule names it",
        ),
    json: "every rule, condition by condition, and the claims that result",
    notes:
      `Verifies no signature and no times, and applies no issuer's policy: the claims may be a draft. Exit
status 1 unless exactly one rule that is active matches and its subject can be made. To test a
token, see countersign explain --help.`,
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
      const outcome = "rule" in chosen ? mapped(chosen.rule, provider.rules, claims) : chosen;
      const paint = painter(io, "stdout");
      return {
        json: { provider: iss, isActive: provider.isActive, rules, ...outcome },
        lines: [
          ...judgementLines(rules, paint),
          ..."rule" in outcome
            ? [
              paint("green", printable(`acts under ${outcome.rule}`)),
              ...claimLines(outcome.claims),
            ]
            : [paint("red", printable(`rejected: ${outcome.reason}: ${outcome.refused}`))],
        ],
        isPainted: true,
        ...("rule" in outcome ? {} : { exitCode: 1 as const }),
      };
    },
  });
}

type Claims = Readonly<Record<string, unknown>>;

/** What the chosen rule makes of the claims, but for the token's times and its id, which it does not change. */
function mapped(name: string, rules: readonly FederationRule[], claims: Claims) {
  const rule = rules.find((rule) => rule.name === name);
  if (rule === undefined) throw new TypeError("Expected the rule to be one of the provider's");
  try {
    const { exp: _, nbf: __, iat: ___, jti: ____, ...made } = mapClaims(claims, rule);
    return { rule: name, claims: made };
  } catch (error) {
    if (!(error instanceof JwtVerificationError)) throw error;
    const { reason, claim, message } = error;
    return { reason, refused: claim === undefined ? message : `${message} (${claim})` };
  }
}

/** The claims as lines, those of every token first. */
function claimLines({ iss, sub, aud, role, ...others }: Claims): string[] {
  const first = { iss, sub, aud, ...(role !== undefined && { role }) };
  const claims = Object.entries({ ...first, ...others });
  const width = Math.max(...claims.map(([name]) => printable(name).length));
  return claims.map(([name, value]) =>
    `  ${printable(name).padEnd(width)}  ${printable(JSON.stringify(value))}`
  );
}
