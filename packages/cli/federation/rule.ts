import {
  activateRule,
  deactivateRule,
  listRules,
  type RegisteredRule,
} from "@countersign/registry-admin";
import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { table } from "../options/output.ts";
import { registryCommand } from "../options/registry_command.ts";
import { hostOf } from "../options/registry_target.ts";
import { addRuleAdd } from "./add_rule.ts";
import { addRuleTest } from "./test_rule.ts";

const TARGET = "--target https://prod-abc123.supabase.co";

/** `countersign rule add|list|test|deactivate|activate`. */
export function addRuleCommands(program: Command, io: CliIo): void {
  const rule = program.command("rule")
    .description("Rules by which tokens of OIDC providers act as issuers");
  addRuleAdd(rule, io);

  registryCommand(rule, io, {
    name: "list",
    description: "List the rules",
    json: "every rule",
    example: `countersign rule list ${TARGET}`,
    run: async (_, open) => {
      const target = await open();
      const rules = await listRules(target);
      return {
        json: rules,
        lines: rules.length === 0
          ? [`no rules on ${hostOf(target)} yet; see countersign rule add --help`]
          : table(["RULE", "STATE", "PROVIDER", "ISSUER", "CONDITIONS", "SUBJECT"], rules.map(row)),
      };
    },
  });

  addRuleTest(rule, io);

  for (const [name, isActive] of [["deactivate", false], ["activate", true]] as const) {
    registryCommand<{ readonly name: string }>(rule, io, {
      name,
      description: isActive ? "Let a rule match again" : "Let a rule match no token from now on",
      changes: true,
      options: (command) => command.requiredOption("--name <name>", "the rule's name"),
      json: "what was done",
      example: `countersign rule ${name} ${TARGET} --name deploy`,
      run: async (options, open) => {
        const target = await open();
        await (isActive ? activateRule : deactivateRule)(target, options.name);
        return {
          json: { name: options.name, isActive },
          lines: [
            `${name}d rule ${options.name} on ${hostOf(target)}${
              isActive ? "" : ": it lets no one in"
            }`,
          ],
        };
      },
    });
  }
}

function row(rule: RegisteredRule): string[] {
  const { name, isActive, mode, provider, issuer, conditions, subject } = rule;
  return [
    name,
    isActive ? (mode === "observe" ? "observing" : "active") : "deactivated",
    provider,
    issuer,
    Object.entries(conditions).map(([claim, wanted]) => `${claim}=${shown(wanted)}`).join(" "),
    subject,
  ];
}

function shown(wanted: unknown): string {
  return typeof wanted === "string" ? wanted : JSON.stringify(wanted);
}
