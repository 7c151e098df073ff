import { type Algorithm, ALGORITHMS } from "@countersign/verifier";
import { type Field, field, optionalField } from "./field.ts";
import { choiceType, flagType, timeType } from "./field_types.ts";
import { differing, earlier, later, turningOn } from "./loosening.ts";

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
    type: timeType("later"),
    loosens: earlier("lets the key verify earlier"),
  }),
  optionalField("not_after", {
    about: "When the key stops verifying. Left out: never.",
    type: timeType("earlier"),
    loosens: later("lets the key verify longer"),
  }),
];
