import { RegistryError } from "../../errors.ts";
import type { ColumnValue, Row } from "../../store/registry_store.ts";
import { flag, number, text, texts } from "../../store/rows.ts";
import type { RegistryValue } from "./value.ts";

/** What a member of the file can hold; a `Date` is a time with an offset. */
export type FileValue = string | boolean | Date | readonly string[] | FileTable;

/** A table whose members the registry keeps as JSON. */
export type FileTable = Readonly<Record<string, unknown>>;

/** A part of a JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** How one kind of value stands in the file, in a row, and in a column that is set. */
export interface FieldType<T extends RegistryValue> {
  readonly schema: JsonSchema;
  /** Reads what TOML has made of the file. Throws a `RangeError` that says what was expected. */
  fromFile(value: unknown): T;
  toFile(value: T): FileValue;
  /** Reads the column of a row, which is not null. */
  fromRow(row: Row, column: string): T;
  toColumn(value: T): ColumnValue;
}

const MOST_CHARACTERS = 255;
const MOST_NAMES = 256;

/** `true` or `false`. */
export const flagType: FieldType<boolean> = {
  schema: { type: "boolean" },
  fromFile(value) {
    if (typeof value !== "boolean") throw new RangeError("Expected true or false, without quotes");
    return value;
  },
  toFile: (value) => value,
  fromRow: flag,
  toColumn: (value) => value,
};

/** One of a few words. */
export function choiceType<T extends string>(choices: readonly T[]): FieldType<T> {
  const expected = choices.map((choice) => `"${choice}"`).join(", ");
  const among = (value: unknown) => choices.find((choice) => choice === value);
  return {
    schema: { type: "string", enum: choices },
    fromFile(value) {
      const choice = among(value);
      if (choice === undefined) throw new RangeError(`Expected one of ${expected}`);
      return choice;
    },
    toFile: (value) => value,
    fromRow(row, column) {
      const choice = among(row[column]);
      if (choice !== undefined) return choice;
      throw new RegistryError(
        "schema_missing",
        `Expected "${column}" to be one of ${expected}; this version does not know the registry's`,
      );
    },
    toColumn: (value) => value,
  };
}

/** Whether something can name an issuer, a role, a subject, a claim or an audience. The database has the last word. */
export function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && !/\p{Cc}/u.test(value) &&
    Array.from(value).length <= MOST_CHARACTERS;
}

/** A name. */
export const nameType: FieldType<string> = {
  schema: { type: "string", minLength: 1, maxLength: MOST_CHARACTERS },
  fromFile(value) {
    if (!isName(value)) throw new RangeError(expectedName("a name"));
    return value;
  },
  toFile: (value) => value,
  fromRow: text,
  toColumn: (value) => value,
};

/** A list of names, in which order and repetition mean nothing. */
export function namesType(least: 0 | 1): FieldType<readonly string[]> {
  return {
    schema: { type: "array", items: nameType.schema, minItems: least, maxItems: MOST_NAMES },
    fromFile(value) {
      if (!Array.isArray(value) || value.length < least || value.length > MOST_NAMES) {
        throw new RangeError(`Expected a list of ${least} to ${MOST_NAMES} names, like ["a", "b"]`);
      }
      if (!value.every(isName)) throw new RangeError(expectedName("each name"));
      return value;
    },
    toFile: (value) => value,
    fromRow: texts,
    toColumn: (value) => value,
  };
}

/** Some of a few words, at least one. Order and repetition mean nothing. */
export function choicesType(choices: readonly string[]): FieldType<readonly string[]> {
  return {
    schema: { type: "array", items: { type: "string", enum: choices }, minItems: 1 },
    fromFile(value) {
      if (
        !Array.isArray(value) || value.length === 0 ||
        !value.every((item) => choices.includes(item))
      ) {
        throw new RangeError(`Expected a list of one or more of ${choices.join(", ")}`);
      }
      return value;
    },
    toFile: (value) => value,
    fromRow: texts,
    toColumn: (value) => value,
  };
}

/** Whether something is an https URL in a form that no two parsers read differently. The database has the last word. */
export function isHttpsUrl(value: unknown): value is string {
  return isName(value) && /^https:\/\/[a-z0-9.-]+(:\d+)?([/?][^\s\\#]*)?$/.test(value);
}

/** An https URL. */
export const urlType: FieldType<string> = {
  schema: { type: "string", pattern: "^https://", maxLength: MOST_CHARACTERS },
  fromFile(value) {
    if (!isHttpsUrl(value)) {
      throw new RangeError(
        "Expected an https URL with a lower-case host and no user name or fragment",
      );
    }
    return value;
  },
  toFile: (value) => value,
  fromRow: text,
  toColumn: (value) => value,
};

function expectedName(what: string): string {
  return `Expected ${what} to be 1 to ${MOST_CHARACTERS} characters, without control characters`;
}

/** Text for people. */
export function textType(most: number): FieldType<string> {
  return {
    schema: { type: "string", maxLength: most },
    fromFile(value) {
      if (typeof value !== "string" || Array.from(value).length > most || value.includes("\0")) {
        throw new RangeError(`Expected text of at most ${most} characters`);
      }
      return value;
    },
    toFile: (value) => value,
    fromRow: text,
    toColumn: (value) => value,
  };
}

const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]] as const;
const DURATION = /^([1-9]\d{0,9}) (second|minute|hour|day)s?$/;
const LONGEST_S = 86_400;

/** Seconds, written with the largest unit that fits: `5 minutes`. */
export const durationType: FieldType<number> = {
  schema: { type: "string", pattern: DURATION.source },
  fromFile(value) {
    const [, amount, unit] = typeof value === "string" ? DURATION.exec(value) ?? [] : [];
    const seconds = Number(amount) * (UNITS.find(([name]) => name === unit)?.[1] ?? NaN);
    if (!(seconds <= LONGEST_S)) {
      throw new RangeError('Expected a duration up to "1 day", like "90 seconds" or "5 minutes"');
    }
    return seconds;
  },
  toFile(seconds) {
    const [unit, length] = UNITS.find(([, length]) => seconds % length === 0) ?? ["second", 1];
    return `${seconds / length} ${unit}${seconds === length ? "" : "s"}`;
  },
  fromRow: number,
  toColumn: (seconds) => `${seconds} seconds`,
};

const EXCHANGE_S = { least: 60, most: 900 };

/** Seconds that an exchanged token may live. */
export const exchangeDurationType: FieldType<number> = {
  ...durationType,
  fromFile(value) {
    const seconds = durationType.fromFile(value);
    if (seconds >= EXCHANGE_S.least && seconds <= EXCHANGE_S.most) return seconds;
    throw new RangeError('Expected a duration from "1 minute" to "15 minutes"');
  },
};

const EARLIEST = Date.UTC(1970, 0, 1);
const LATEST = Date.UTC(9999, 11, 31);

/**
 * A moment, to the millisecond.
 *
 * Postgres keeps microseconds, which a `Date` can't hold. They are rounded to the side that accepts fewer tokens, so that a
 * registry made from an export never accepts what the first one refused.
 */
export function timeType(rounding: "earlier" | "later"): FieldType<string> {
  return {
    schema: { type: "string", format: "date-time" },
    fromFile(value) {
      const time = value instanceof Date && !isLocal(value) ? value.getTime() : NaN;
      if (!(time >= EARLIEST && time <= LATEST)) {
        throw new RangeError(
          "Expected a time with an offset and without quotes, from 1970 to 9999, like 2027-01-31T12:00:00Z",
        );
      }
      return new Date(time).toISOString();
    },
    toFile: (value) => new Date(value),
    fromRow(row, column) {
      const written = text(row, column);
      const [, finer = ""] = /\.\d{3}(\d+)/.exec(written) ?? [];
      const up = rounding === "later" && /[1-9]/.test(finer) ? 1 : 0;
      const time = new Date(Date.parse(written) + up);
      if (Number.isNaN(time.getTime())) {
        throw new RegistryError("schema_missing", `Expected "${column}" to be a time`);
      }
      return time.toISOString();
    },
    toColumn: (value) => value,
  };
}

/** smol-toml's dates know whether an offset was written; a date that is none of its own has one. */
function isLocal(date: Date): boolean {
  const local: unknown = Reflect.get(date, "isLocal");
  const full: unknown = Reflect.get(date, "isDateTime");
  return typeof local === "function" && typeof full === "function" &&
    (local.call(date) === true || full.call(date) !== true);
}
