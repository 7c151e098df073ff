import type { Target } from "./target.ts";

/** What a check found, once or for each thing that it looked at. */
export interface Finding {
  readonly outcome: "ok" | "warning" | "problem" | "not checked";
  /** Of a warning or a problem: stable, for programs. */
  readonly code?: string;
  readonly message: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** One thing that goes wrong on real projects. */
export interface Check {
  readonly name: string;
  /** Looks, and changes nothing. */
  readonly run: (target: Target) => Promise<readonly Finding[]>;
}

export function ok(message: string): Finding[] {
  return [{ outcome: "ok", message }];
}

/** Something that works, and probably not as intended. */
export function warning(code: string, message: string, fix: string): Finding[] {
  return [{ outcome: "warning", code, message, fix }];
}

/** Something that does not work, or is open to somebody. */
export function problem(code: string, message: string, fix: string): Finding[] {
  return [{ outcome: "problem", code, message, fix }];
}

export function notChecked(message: string): Finding[] {
  return [{ outcome: "not checked", message }];
}

/** Many of one kind, of which a person wants to see the first few. */
const SHOWN = 5;

/** A list that stays readable however long it is. */
export function listed(names: readonly string[]): string {
  const more = names.length - SHOWN;
  return names.slice(0, SHOWN).join(", ") + (more > 0 ? `, and ${more} more` : "");
}
