import type { RowChange } from "../../store/registry_store.ts";

/** What a column holds, as the file writes it: durations as `5 minutes`, times as ISO 8601. `null`: it would be left out. */
export type PlannedValue =
  | string
  | boolean
  | readonly string[]
  | Readonly<Record<string, unknown>>
  | null;

/** A column, and what it goes from and to. */
export interface PlannedField {
  /** The column's name, as in the file. */
  readonly column: string;
  /** What it holds. `null` also for a new row. */
  readonly before: PlannedValue;
  /** What it will hold. */
  readonly after: PlannedValue;
}

/** One difference between a registry and a file. */
export interface PlannedChange {
  /** `deactivate` also revokes keys and turns the guard off. Nothing is ever deleted. */
  readonly action: "add" | "change" | "deactivate";
  /** What is changed. */
  readonly kind: "issuer" | "key" | "provider" | "rule" | "guard";
  /** The issuer that it belongs to; `null` for a provider and for the guard. */
  readonly issuer: string | null;
  /** The key's ID, where it is a key. */
  readonly kid: string | null;
  /** The provider's `iss` or the rule's name, where it is one. */
  readonly name: string | null;
  /** What differs. Of a new row, what differs from the database's defaults. */
  readonly fields: readonly PlannedField[];
  /** Why tokens that are refused today may be accepted afterwards; empty if none can be. */
  readonly loosens: readonly string[];
  /** What is written; `null` for the guard, which is no row. */
  readonly row: RowChange | null;
}

/** Something active that the file does not name. */
export interface Undeclared {
  /** What it is. */
  readonly kind: "issuer" | "key" | "provider" | "rule";
  /** The issuer, or whose key or rule it is; `null` for a provider. */
  readonly issuer: string | null;
  /** The key's ID, where it is a key. */
  readonly kid: string | null;
  /** The provider's `iss` or the rule's name, where it is one. */
  readonly name: string | null;
}

/** What has to change for a registry to be as a file says. */
export interface RegistryPlan {
  /** The version of the registry that was compared. */
  readonly version: string;
  /** Empty: the registry is as the file says. */
  readonly changes: readonly PlannedChange[];
  /** Stays as it is, unless the plan was made with `prune`. */
  readonly undeclared: readonly Undeclared[];
}
