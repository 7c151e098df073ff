import { isList } from "../fields/value.ts";
import { isName } from "../fields/field_types.ts";
import { ISSUER_FIELDS } from "../fields/issuer_fields.ts";
import { type Section, valueIn } from "./section.ts";

/** `[issuers."name"]` */
export const issuersSection: Section = {
  name: "issuers",
  kind: "issuer",
  about: "Issuers by name, the iss of their tokens.",
  relation: "jwt_issuers",
  keyColumn: "issuer",
  identityColumns: ["issuer"],
  // An interval is written as the session's IntervalStyle has it; the view has seconds.
  computed: {
    relation: "jwt_issuer_policies",
    order: "issuer",
    columns: ["max_token_lifetime", "max_exchange_lifetime"],
  },
  fields: ISSUER_FIELDS,
  members: {},
  identify({ name }) {
    if (!isName(name)) {
      throw new RangeError(
        "Expected the issuer's name to be 1 to 255 characters, without control characters",
      );
    }
    return Promise.resolve({ key: name, issuer: name, identity: { issuer: name } });
  },
  exported: () => ({}),
  contradiction(values) {
    const roles = valueIn(values, "allowed_roles");
    const role = valueIn(values, "default_role");
    return typeof role === "string" && isList(roles) && !roles.includes(role)
      ? "Expected default_role to be one of allowed_roles"
      : undefined;
  },
  additionLoosens(values) {
    const roles = valueIn(values, "allowed_roles");
    if (valueIn(values, "is_active") !== true || !isList(roles)) return [];
    return roles.map((role) => `lets a new issuer use the role "${role}"`);
  },
};
