import { RegistryError } from "../errors.ts";
import type { RotatedRows, Row } from "./registry_store.ts";

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
