import type { Target } from "./target.ts";

/** What a check found, once or for each thing that it looked at. */
export interface Finding {
  readonly outcome: "ok" | "warning" | "problem" | "not checked";
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

export function warning(message: string, fix: string): Finding[] {
  return [{ outcome: "warning", message, fix }];
}

export function problem(message: string, fix: string): Finding[] {
  return [{ outcome: "problem", message, fix }];
}

export function notChecked(message: string): Finding[] {
  return [{ outcome: "not checked", message }];
}
