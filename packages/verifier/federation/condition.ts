import type { Condition, ConditionScalar } from "./rule.ts";

/**
 * Tells whether a claim is what a condition wants.
 *
 * - A string, number or boolean: the same value of the same type. Text is compared code unit by code unit: neither case
 *   nor Unicode form is folded, so that a look-alike is another name.
 * - A string that ends in `*` or `**`: a prefix, and at least one character more. `*` stands for neither `/` nor `:`,
 *   the separators of owners, repositories and branches; `**` for anything. Without a prefix it holds for nothing.
 * - A list: one of its members.
 *
 * An array claim holds if one of its elements does. What is empty, null, an object or a list in a list holds never.
 *
 * @param wanted From the rule.
 * @param found From a token whose signature holds; `undefined` if it has no such claim.
 */
export function conditionHolds(wanted: Condition, found: unknown): boolean {
  if (isList(wanted)) return wanted.some((member) => scalarHolds(member, found));
  return scalarHolds(wanted, found);
}

function scalarHolds(wanted: ConditionScalar, found: unknown): boolean {
  return Array.isArray(found)
    ? found.some((element) => equals(wanted, element))
    : equals(wanted, found);
}

function equals(wanted: ConditionScalar, found: unknown): boolean {
  if (typeof wanted === "string") {
    if (typeof found !== "string" || wanted === "") return false;
    return wanted.endsWith("*") ? hasPrefix(wanted, found) : found === wanted;
  }
  return (typeof wanted === "number" || typeof wanted === "boolean") && found === wanted;
}

function hasPrefix(pattern: string, found: string): boolean {
  const crossesSeparators = pattern.endsWith("**");
  const prefix = pattern.slice(0, crossesSeparators ? -2 : -1);
  if (prefix === "" || !found.startsWith(prefix)) return false;
  const rest = found.slice(prefix.length);
  return rest !== "" && (crossesSeparators || !/[/:]/.test(rest));
}

/** `Array.isArray` does not narrow a readonly array. */
function isList(condition: Condition): condition is readonly ConditionScalar[] {
  return Array.isArray(condition);
}
