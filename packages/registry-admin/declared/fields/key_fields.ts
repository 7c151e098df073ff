import type { Row } from "../../store/registry_store.ts";
import { type Algorithm, ALGORITHMS } from "@countersign/verifier";
import { type Field, field, optionalField } from "./field.ts";
import { choiceType, flagType, timeType } from "./field_types.ts";
import { differing, earlier, later, turningOn } from "./loosening.ts";

const START = timeType("later");
const END = timeType("earlier");

/** What a file may say of a key, besides the key: columns of `jwt_public_keys`. */
export const KEY_FIELDS: readonly Field[] = [
  field<Algorithm>("algorithm", {
    about: "The one algorithm that the key verifies. Left out: the usual one for its type.",
    type: choiceType(ALGORITHMS),
    standard: "RS256",
    // Left out, it is what fits the key, which is not always this.
    isAlwaysWritten: true,
    loosens: differing("accepts signatures of another algorithm"),
  }),
  field("is_active", {
    about: "false revokes the key.",
    type: flagType,
    standard: true,
    loosens: turningOn("brings a revoked key back"),
  }),
  optionalField("not_before", {
    about: "When the key starts to verify. Left out: it always did.",
    type: START,
    loosens: earlier("lets the key verify earlier"),
  }),
  optionalField("not_after", {
    about: "When the key stops verifying. Left out: never.",
    type: { ...END, fromRow: endOf },
    loosens: later("lets the key verify longer"),
  }),
];

/**
 * The end of a key in a row. Rounding to a file's milliseconds narrows a key's time from both sides; one that would
 * have none left keeps a millisecond, because a file's `not_before` has to be earlier than its `not_after`.
 */
function endOf(row: Row, column: string): string {
  const end = END.fromRow(row, column);
  if (row["not_before"] === null) return end;
  const start = START.fromRow(row, "not_before");
  return end > start ? end : new Date(Date.parse(start) + 1).toISOString();
}
