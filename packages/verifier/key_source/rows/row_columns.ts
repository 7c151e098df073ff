import { JwtVerificationError } from "../../errors.ts";

/** Tells whether a value is of a type. */
export type Guard<T> = (value: unknown) => value is T;

/**
 * Reads members by name, and throws on one that isn't what it has to be.
 *
 * @param what Of which view it is, for the message.
 */
export function columnsOf(value: unknown, what: string): <T>(name: string, guard: Guard<T>) => T {
  if (!isObject(value)) {
    throw unreadable(`Expected a ${what} to be an object`);
  }
  const members = new Map<string, unknown>(Object.entries(value));
  return (name, guard) => {
    const member = members.get(name);
    if (guard(member)) return member;
    throw unreadable(
      `Expected "${name}" in a ${what} to have its type: apply the migrations of this version`,
    );
  };
}

function unreadable(message: string): JwtVerificationError {
  return new JwtVerificationError("registry_unavailable", message);
}

export const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";
export const isString = (value: unknown): value is string => typeof value === "string";
export const isNonEmptyString = (value: unknown): value is string =>
  isString(value) && value !== "";
export const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
export const isArray = (value: unknown): value is unknown[] => Array.isArray(value);
export const isStringArray = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every(isString);
export const isMode = (value: unknown): value is "enforce" | "observe" =>
  value === "enforce" || value === "observe";
export const nullable = <T>(guard: Guard<T>): Guard<T | null> => (value): value is T | null =>
  value === null || guard(value);

export type Seconds = number | bigint | string;

/** Drivers give a `bigint` column as a number, a bigint, or its digits. */
export function isSeconds(value: unknown): value is Seconds {
  if (typeof value === "string" && !/^\d{1,16}$/.test(value)) return false;
  return (typeof value === "number" || typeof value === "bigint" || typeof value === "string") &&
    Number.isSafeInteger(Number(value)) && Number(value) >= 0;
}

export function seconds(value: Seconds): number {
  return Number(value);
}

export function optionalSeconds(value: Seconds | null): number | null {
  return value === null ? null : Number(value);
}
