import { addRule, type RegistryTarget, type RuleRegistration } from "@countersign/registry-admin";
import { type Command, Option } from "commander";
import { usage } from "../errors.ts";
import type { CliIo } from "../io.ts";
import { durationOption, repeated } from "../options/input.ts";
import { type OutputOptions, writeWarning } from "../options/output.ts";
import { registryCommand } from "../options/registry_command.ts";
import { hostOf } from "../options/registry_target.ts";
import { withoutUndefined } from "../options/without_undefined.ts";
import { claimsFrom, conditionsFrom } from "./condition_option.ts";
import { presetHelp, presetNamed, presetRule } from "./preset_rule.ts";
import { PRESET_FLAGS, PRESETS } from "./presets.ts";

interface AddOptions extends OutputOptions {
  readonly name: string;
  readonly issuer: string;
  readonly newIssuer?: boolean;
  readonly preset?: string;
  readonly provider?: string;
  readonly audience?: readonly string[];
  readonly condition?: readonly string[];
  readonly subject?: string;
  readonly claim?: readonly string[];
  readonly role?: string;
  readonly maxLifetime?: string;
  readonly mode?: "enforce" | "observe";
  readonly description?: string;
}

/** `countersign rule add`. */
export function addRuleAdd(rule: Command, io: CliIo): void {
  registryCommand<AddOptions>(rule, io, {
    name: "add",
    description: "Let tokens of a provider that fulfill conditions act as an issuer",
    changes: true,
    options: (command) => {
      command
        .requiredOption("--name <name>", "the rule's name, up to 100 of a-z A-Z 0-9 . _ -")
        .requiredOption("--issuer <name>", "the issuer to act as, whose policy applies")
        .option("--new-issuer", "register the issuer, without a key; --role is its only role")
        .addOption(
          new Option("--preset <name>", "a provider that is known; see below for its flags")
            .choices(PRESETS.map(({ name }) => name)),
        )
        .option("--provider <url>", "the provider's iss")
        .option(
          "--audience <aud>",
          "an audience of which tokens must name one (repeatable; default: the target's URL)",
          repeated,
        )
        .option(
          "--condition <claim=value>",
          "what a claim has to be, exact or a prefix ending in * or ** (repeatable; <claim>:=1 for a number)",
          repeated,
        )
        .option("--subject <template>", "what becomes sub, like gh:{repository_id}:{environment}")
        .option(
          "--claim <name=claim>",
          "a further claim, and where it is from (repeatable)",
          repeated,
        )
        .option("--role <name>", "the role to act in (default: the issuer's)")
        .option("--max-lifetime <duration>", "the longest time from iat to exp (default: 1h)")
        .addOption(
          new Option("--mode <mode>", "observe: report what the rule matches, and let no one in")
            .choices(["enforce", "observe"]),
        )
        .option("--description <text>", "a note for people");
      for (const flag of PRESET_FLAGS) {
        command.addOption(new Option(`--${flag} <value>`, "for a preset").hideHelp());
      }
      return command;
    },
    json: "the rule",
    notes:
      `Once an owner or a repository is renamed or deleted, someone else can take its name. No one can take
its id, so presets ask for ids. The flags of each, and where the values are ([…]: optional):
${presetHelp()}`,
    example: `countersign rule add --target https://prod-abc123.supabase.co --name deploy \\
      --issuer deployer --new-issuer --role invoices_writer --preset github \\
      --repository acme/invoices --repository-id 74 --repository-owner-id 65 --environment prod`,
    run: async (options, open) => {
      if (options.newIssuer === true && options.role === undefined) {
        usage("Expected --role with --new-issuer: the role that the issuer may use");
      }
      const { warning, ...made } = ruleOf(options);
      const target = await open();
      const audiences = options.audience ?? audienceOf(target);
      const newIssuer = options.newIssuer === true && options.role !== undefined
        ? { roles: [options.role], defaultRole: options.role }
        : undefined;
      const added = await addRule(target, { ...made, audiences }, withoutUndefined({ newIssuer }));
      if (warning !== undefined) writeWarning(io, options, warning);
      return {
        json: added,
        lines: [
          `added rule ${added.name} to ${
            hostOf(target)
          }: tokens of ${added.provider} act as ${added.issuer} if`,
          `  aud is ${JSON.stringify(added.audiences)}`,
          ...Object.entries(added.conditions).map(([claim, wanted]) =>
            `  ${claim} is ${JSON.stringify(wanted)}`
          ),
          `sub becomes ${added.subject}`,
        ],
      };
    },
  });
}

type Made = Omit<RuleRegistration, "audiences"> & { readonly warning?: string };

function ruleOf(options: AddOptions): Made {
  const { name, issuer, role, mode, description, maxLifetime, claim = [] } = options;
  const given = presetValues(options);
  const preset = options.preset === undefined ? undefined : presetNamed(options.preset);
  const [stray] = given.keys();
  if (preset === undefined && stray !== undefined) usage(`Expected --preset with --${stray}`);
  const from = preset && presetRule(preset, given, options.provider);
  const alias = preset?.alias && given.get(preset.alias.flag);
  const conditions = { ...from?.conditions, ...conditionsFrom(options.condition ?? []) };
  if (Object.keys(conditions).length === 0) {
    usage("Expected --preset, or --condition <claim=value> at least once");
  }
  return {
    name,
    issuer,
    provider: from?.provider ?? options.provider ?? usage("Expected --provider or --preset"),
    conditions,
    subject: options.subject ?? from?.subject ?? usage("Expected --subject or --preset"),
    claims: claimsFrom(claim),
    ...withoutUndefined({
      role,
      mode,
      description: description ?? alias,
      maxTokenLifetime: maxLifetime === undefined
        ? undefined
        : durationOption("--max-lifetime", maxLifetime),
      warning: from?.warning,
    }),
  };
}

/** The values of presets' flags. Commander has them by their names in camel case. */
function presetValues(options: AddOptions): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const flag of PRESET_FLAGS) {
    const name = flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    const value: unknown = Reflect.get(options, name);
    if (typeof value === "string") values.set(flag, value);
  }
  return values;
}

/** What a job asks its provider for, unless it is told otherwise. */
function audienceOf(target: RegistryTarget): readonly string[] {
  if ("supabaseUrl" in target) return [new URL(target.supabaseUrl).origin];
  usage("Expected --audience <aud>: over SQL the target's URL is not known");
}
