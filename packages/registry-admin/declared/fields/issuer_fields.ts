import { type Field, field, optionalField } from "./field.ts";
import {
  choiceType,
  durationType,
  exchangeDurationType,
  flagType,
  namesType,
  nameType,
  textType,
  timeType,
} from "./field_types.ts";
import {
  defaultRole,
  earlier,
  longer,
  longerExchange,
  moreRoles,
  never,
  otherAudiences,
  turningOff,
  turningOn,
  widerClaims,
  widerSubjects,
} from "./loosening.ts";

/** What a file may say of an issuer: the columns of `jwt_issuers`. */
export const ISSUER_FIELDS: readonly Field[] = [
  field("is_active", {
    about: "false refuses every token of this issuer, whatever its key.",
    type: flagType,
    standard: true,
    loosens: turningOn("activates the issuer again"),
  }),
  field("allowed_roles", {
    about: "Postgres roles that a token may claim. None: every token is refused.",
    type: namesType(0),
    standard: [],
    loosens: moreRoles,
  }),
  optionalField("default_role", {
    about:
      "Role of a token that claims none; one of allowed_roles. Left out: such a token is refused.",
    type: nameType,
    loosens: defaultRole,
  }),
  optionalField("allowed_subjects", {
    about:
      'Values of sub: exact, or a prefix that ends in "*". Left out: any that is not a user ID.',
    type: namesType(0),
    loosens: widerSubjects,
  }),
  field("allow_user_subjects", {
    about: "Whether sub may be a UUID, which lets this issuer act as any end user.",
    type: flagType,
    standard: false,
    loosens: turningOn("lets the issuer act as end users"),
  }),
  optionalField("allowed_claims", {
    about: "Names of further claims. Left out: any that is not protected.",
    type: namesType(0),
    loosens: widerClaims,
  }),
  optionalField("audiences", {
    about: "Values of aud of which a token must name one. Left out: the target's own.",
    type: namesType(1),
    loosens: otherAudiences,
  }),
  field("max_token_lifetime", {
    about: 'Most time between iat and exp, from "1 second" to "1 day".',
    type: durationType,
    standard: 300,
    loosens: longer,
  }),
  optionalField("max_exchange_lifetime", {
    about:
      'Longest life of a token that this issuer\'s are exchanged for, from "1 minute" to "15 minutes". Left out: none is exchanged. Needs the guard.',
    type: exchangeDurationType,
    loosens: longerExchange,
  }),
  optionalField("reject_issued_before", {
    about: "Tokens issued earlier are refused. Left out: none are.",
    type: timeType("later"),
    loosens: earlier("accepts tokens that were issued earlier"),
  }),
  field("single_use", {
    about: "Whether a token commits at most one write. Needs the guard.",
    type: flagType,
    standard: false,
    loosens: turningOff("lets a token be used more than once"),
  }),
  field<"enforce" | "observe">("mode", {
    about:
      '"observe" reports what the policy would refuse, and lets it through where that is safe.',
    type: choiceType(["enforce", "observe"]),
    standard: "enforce",
    loosens: (before, after) =>
      before === "enforce" && after === "observe"
        ? ["reports what the policy refuses instead of refusing it"]
        : [],
  }),
  optionalField("description", {
    about: "For people.",
    type: textType(1000),
    loosens: never,
  }),
];
