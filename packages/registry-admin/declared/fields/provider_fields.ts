import { ALGORITHMS } from "@countersign/verifier";
import { type Field, field, optionalField } from "./field.ts";
import { choicesType, choiceType, flagType, textType, urlType } from "./field_types.ts";
import { jwksType } from "./json_types.ts";
import { moreAlgorithms, never, otherSource, turningOn } from "./loosening.ts";

/** What a file may say of an OIDC provider: the columns of `jwt_oidc_providers`. */
export const PROVIDER_FIELDS: readonly Field[] = [
  field("is_active", {
    about: "false refuses every token of this provider, whatever its rules.",
    type: flagType,
    standard: true,
    loosens: turningOn("accepts the provider's tokens again"),
  }),
  field<"discovery" | "jwks_uri" | "jwks">("keys_from", {
    about: 'Where its keys are: "discovery", "jwks_uri", or "jwks": in this file.',
    type: choiceType(["discovery", "jwks_uri", "jwks"]),
    standard: "discovery",
    loosens: otherSource("takes the provider's keys from elsewhere"),
  }),
  optionalField("jwks_uri", {
    about: 'The https URL of its JSON Web Key Set, if keys_from is "jwks_uri".',
    type: urlType,
    loosens: otherSource("takes the provider's keys from another URL"),
  }),
  optionalField("jwks", {
    about: 'Its JSON Web Key Set, if keys_from is "jwks". Public keys only.',
    type: jwksType,
    loosens: otherSource("takes other keys for the provider's"),
  }),
  field("algorithms", {
    about: "JWS algorithms that its tokens may be signed with.",
    type: choicesType(ALGORITHMS),
    standard: ["RS256"],
    loosens: moreAlgorithms,
  }),
  field("allow_private", {
    about: "Whether its keys may be fetched from a private or loopback address.",
    type: flagType,
    standard: false,
    loosens: turningOn("lets the provider's keys come from a private address"),
  }),
  optionalField("description", {
    about: "For people.",
    type: textType(1000),
    loosens: never,
  }),
];
