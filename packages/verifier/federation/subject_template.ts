import type { JsonObject } from "../token/strict_json.ts";
import { claimAt } from "./claim_path.ts";

/** The subject that a template makes, or the path of the claim that it cannot be made from. */
export type Subject =
  | { readonly subject: string }
  | { readonly claim: string; readonly expected: string };

/** A part of a template: literal text, or the path of a claim. */
interface Part {
  readonly literal: string;
  readonly path: string | undefined;
}

/** Key: the template, of which there is one a rule. Bound and lifetime: those of the rules. */
const parsed = new Map<string, readonly Part[] | undefined>();
const MAX_PARSED = 10_000;

/**
 * Makes the subject that a template such as `gh:{repository_id}:{environment}` describes.
 *
 * A claim in it has to be a string that is not empty, or an integer, and may not hold the character that ends its place
 * in the template: otherwise `a:b` and nothing would make the same subject as `a` and `b`.
 *
 * @returns The subject; or the path of a claim, and what was expected of it. An empty path: the template itself is wrong.
 */
export function subjectOf(template: string, claims: JsonObject): Subject {
  const parts = partsOf(template);
  if (parts === undefined) {
    return { claim: "", expected: "Expected the rule's subject to be text with {claim} places" };
  }
  let subject = "";
  for (const [index, { literal, path }] of parts.entries()) {
    subject += literal;
    if (path === undefined) continue;
    const value = claimAt(claims, path);
    if (!(typeof value === "string" && value !== "") && !Number.isSafeInteger(value)) {
      return {
        claim: path,
        expected: "Expected a claim of the rule's subject to be text or an integer",
      };
    }
    const text = String(value);
    const end = parts[index + 1]?.literal[0];
    if (end !== undefined && text.includes(end)) {
      return {
        claim: path,
        expected: `Expected a claim of the rule's subject not to hold the "${end}" that follows it`,
      };
    }
    subject += text;
  }
  return { subject };
}

function partsOf(template: string): readonly Part[] | undefined {
  if (parsed.has(template)) return parsed.get(template);
  if (parsed.size >= MAX_PARSED) parsed.clear();
  const parts = parse(template);
  parsed.set(template, parts);
  return parts;
}

/** Each part is literal text and the place behind it. `undefined`: not a template. */
function parse(template: string): readonly Part[] | undefined {
  const parts: Part[] = [];
  const places = /([^{}]*)\{([^{}]+)\}/gy;
  let end = 0;
  for (const [whole, literal = "", path] of template.matchAll(places)) {
    // Two places side by side: nothing tells where one value ends.
    if (literal === "" && parts.length > 0) return undefined;
    parts.push({ literal, path });
    end += whole.length;
  }
  const rest = template.slice(end);
  if (/[{}]/.test(rest) || template === "") return undefined;
  return rest === "" ? parts : [...parts, { literal: rest, path: undefined }];
}
