import type { Condition, ConditionScalar } from "@countersign/registry-admin";
import { usage } from "../errors.ts";

/**
 * Conditions of flags such as `ref=refs/heads/main`, or `run_attempt:=1` for what is JSON and no text. A claim that is given
 * several times has to be one of the values.
 */
export function conditionsFrom(flags: readonly string[]): Record<string, Condition> {
  const conditions = new Map<string, ConditionScalar[]>();
  for (const flag of flags) {
    const [, claim, isJson, value] = /^(.+?)(:?)=([^]*)$/.exec(flag) ?? [];
    if (claim === undefined || value === undefined || value === "") {
      usage("Expected --condition to be <claim>=<value>, or <claim>:=<number, true or false>");
    }
    const values = conditions.get(claim) ?? [];
    values.push(isJson === "" ? value : scalar(value));
    conditions.set(claim, values);
  }
  return Object.fromEntries(
    Array.from(conditions, ([claim, values]) => [claim, onlyOf(values)]),
  );
}

function onlyOf(values: readonly ConditionScalar[]): Condition {
  const [first, ...others] = values;
  return first !== undefined && others.length === 0 ? first : values;
}

function scalar(text: string): ConditionScalar {
  if (text === "true" || text === "false") return text === "true";
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  usage("Expected a number, true or false behind :=, like run_attempt:=1");
}

/** A map of flags such as `repo=repository`. */
export function claimsFrom(flags: readonly string[]): Record<string, string> {
  return Object.fromEntries(flags.map((flag) => {
    const [, name, path] = /^([^=]+)=(.+)$/.exec(flag) ?? [];
    if (name === undefined || path === undefined) {
      usage("Expected --claim to be <name>=<the provider's claim>, like repo=repository");
    }
    return [name, path];
  }));
}
