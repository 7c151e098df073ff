import { RegistryError } from "../errors.ts";
import type { Row } from "./registry_store.ts";

/** What `public.jwt_rotate_key` takes. Times are ISO 8601. */
export interface RotationParameters {
  readonly issuer: string;
  readonly public_key: string;
  readonly algorithm: string;
  /** When the old keys end. */
  readonly retire_at: string;
  /** The moment of the rotation. Keys that begin later are left alone. */
  readonly at: string;
}

/** What `public.jwt_rotate_key` returns: rows of `jwt_public_keys`. */
export interface RotatedRows {
  readonly key: Row;
  readonly retiring: readonly Row[];
}

/**
 * Reads the answer of `public.jwt_rotate_key`.
 *
 * @throws {RegistryError} `unreachable` when it is of another shape.
 */
export function rotatedRows(answer: unknown, host: string): RotatedRows {
  if (isRow(answer) && isRow(answer.key) && Array.isArray(answer.retiring)) {
    return { key: answer.key, retiring: answer.retiring.filter(isRow) };
  }
  throw new RegistryError("unreachable", `Expected an answer of the registry from "${host}"`);
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null;
}
