import type { Patient } from "./target.ts";

/** What a check found, once or for each thing that it looked at. */
export interface Finding {
  readonly outcome: "ok" | "warning" | "problem" | "not checked";
  readonly message: string;
  /** What to do about it. */
  readonly mend?: string;
}

/** One thing that goes wrong on real projects. */
export interface Check {
  readonly name: string;
  /** Looks, and changes nothing. */
  readonly run: (patient: Patient) => Promise<readonly Finding[]>;
}

export function ok(message: string): Finding[] {
  return [{ outcome: "ok", message }];
}

export function warning(message: string, mend: string): Finding[] {
  return [{ outcome: "warning", message, mend }];
}

export function problem(message: string, mend: string): Finding[] {
  return [{ outcome: "problem", message, mend }];
}

export function notChecked(message: string): Finding[] {
  return [{ outcome: "not checked", message }];
}
