import { type Field, field, optionalField } from "./field.ts";
import {
  choiceType,
  durationType,
  flagType,
  namesType,
  nameType,
  textType,
} from "./field_types.ts";
import { claimsMapType, conditionsType } from "./json_types.ts";
import {
  differing,
  longer,
  moreMappedClaims,
  never,
  otherAudiences,
  otherRole,
  turningOn,
  widerConditions,
} from "./loosening.ts";

/** What a file may say of a rule: the columns of `jwt_federation_rules`. */
export const RULE_FIELDS: readonly Field[] = [
  field("is_active", {
    about: "false revokes the rule.",
    type: flagType,
    standard: true,
    loosens: turningOn("activates the rule again"),
  }),
  field("audiences", {
    about: "Values of aud of which a token must name one.",
    type: namesType(1),
    standard: [],
    isAlwaysWritten: true,
    loosens: otherAudiences,
  }),
  field("conditions", {
    about:
      'Claims, and what each has to be: a value, a list of values, or a prefix ending in "*" (no "/" and no ":" beyond it) or "**" (anything).',
    type: conditionsType,
    standard: "{}",
    isAlwaysWritten: true,
    loosens: widerConditions,
  }),
  field("subject", {
    about: "What becomes sub: text with {claim} in places.",
    type: nameType,
    standard: "",
    isAlwaysWritten: true,
    loosens: differing("makes another sub of the token's claims"),
  }),
  field("claims", {
    about: "Further claims: a name, and the claim that it is taken from.",
    type: claimsMapType,
    standard: "{}",
    loosens: moreMappedClaims,
  }),
  optionalField("role", {
    about: "The role to act in, one of the issuer's. Left out: the issuer's default.",
    type: nameType,
    loosens: otherRole,
  }),
  field("max_token_lifetime", {
    about: 'Most time between iat and exp of the provider\'s token, from "1 second" to "1 day".',
    type: durationType,
    standard: 3600,
    loosens: longer,
  }),
  field<"enforce" | "observe">("mode", {
    about: '"observe" tries the rule and reports it, and lets no one in.',
    type: choiceType(["enforce", "observe"]),
    standard: "enforce",
    loosens: (before, after) =>
      before === "observe" && after === "enforce" ? ["lets in what it only reported"] : [],
  }),
  optionalField("description", {
    about: "For people.",
    type: textType(1000),
    loosens: never,
  }),
];
