import type { Condition } from "@countersign/registry-admin";
import { usage } from "../errors.ts";
import { type Preset, PRESET_FLAGS, PRESETS } from "./presets.ts";

/** The part of a rule that a preset makes. */
export interface PresetRule {
  readonly provider: string;
  readonly conditions: Readonly<Record<string, Condition>>;
  readonly subject: string;
  /** What the rule lets in, where nothing narrows it. */
  readonly warning?: string;
}

/** The preset of that name, which commander has checked. */
export function presetNamed(name: string): Preset {
  return PRESETS.find((preset) => preset.name === name) ?? usage("Expected --preset to be known");
}

/** The provider's `iss` of a preset, or the one that --provider names. */
export function providerOf({ name, issuer, issuerLike }: Preset, given?: string): string {
  return given ?? issuer ??
    usage(`Expected the provider of --preset ${name}: ${issuerLike}`);
}

/**
 * Makes conditions of a preset's flags. Every id that cannot be taken over is required; a name in its place is refused, and
 * why is said.
 *
 * @param given The values, by flag.
 */
export function presetRule(
  preset: Preset,
  given: ReadonlyMap<string, string>,
  provider: string | undefined,
): PresetRule {
  const { name, identity, narrowing, alias, subject, wide } = preset;
  const known = [...identity, ...narrowing].map(({ flag }) => flag);
  const foreign = PRESET_FLAGS.find((flag) =>
    given.has(flag) && !known.includes(flag) && flag !== alias?.flag
  );
  if (foreign !== undefined) {
    usage(`--${foreign} is not for --preset ${name}: expected ${known.map(dashed).join(", ")}`);
  }
  const missing = identity.filter(({ flag }) => !given.has(flag));
  if (missing.length > 0) {
    const because = alias !== undefined && given.has(alias.flag)
      ? `--${alias.flag} alone is not enough: ${alias.why}. `
      : "";
    usage(
      `${because}Expected ${
        missing.map(({ flag, where }) => `--${flag} (${where})`).join(" and ")
      } with --preset ${name}`,
    );
  }
  const narrowed = narrowing.filter(({ flag }) => given.has(flag));
  const [first] = narrowed;
  return {
    provider: providerOf(preset, provider),
    conditions: Object.fromEntries(
      [...identity, ...narrowed].map(({ flag, claim }) => [claim, given.get(flag) ?? ""]),
    ),
    subject: first === undefined || isListed(first.claim) ? subject : `${subject}:{${first.claim}}`,
    ...(first === undefined && wide !== "" && {
      warning: `The rule lets in ${wide}; narrow it with ${
        narrowing.map(({ flag }) => `--${flag}`).join(" or ")
      }`,
    }),
  };
}

/** A claim that is a list cannot be a part of a subject. */
function isListed(claim: string): boolean {
  return claim.endsWith("-ids");
}

function dashed(flag: string): string {
  return `--${flag}`;
}

/** The presets in words, for the help. */
export function presetHelp(): string {
  return PRESETS.map(({ name, issuerLike, identity, narrowing, alias, job }) =>
    [
      `  ${name}`,
      ...issuerLike === undefined ? [] : [`    --provider: ${issuerLike}`],
      ...identity.map(({ flag, where }) => `    --${flag}: ${where}`),
      ...narrowing.map(({ flag, where }) => `    [--${flag}]: ${where}`),
      ...alias === undefined ? [] : [`    [--${alias.flag}]: for people, in the description`],
      `    the job:`,
      `      ${job}`,
    ].join("\n")
  ).join("\n");
}
