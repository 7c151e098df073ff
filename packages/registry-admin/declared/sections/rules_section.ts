import { isName } from "../fields/field_types.ts";
import { RULE_FIELDS } from "../fields/rule_fields.ts";
import { type EntrySource, type Section, valueIn } from "./section.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const REQUIRED = ["provider", "issuer", "audiences", "conditions", "subject"] as const;

/** `[rules."name"]` */
export const rulesSection: Section = {
  name: "rules",
  kind: "rule",
  about: "Rules by name: which tokens of a provider act as which issuer.",
  relation: "jwt_federation_rules",
  keyColumn: "name",
  identityColumns: ["name", "provider", "issuer"],
  // An interval is written as the session's IntervalStyle has it; the view has seconds.
  computed: {
    relation: "jwt_federation_policies",
    order: "provider",
    listColumn: "rules",
    columns: ["max_token_lifetime"],
  },
  fields: RULE_FIELDS,
  nameSchema: { pattern: NAME.source },
  members: {
    provider: {
      about: "The iss of the provider whose tokens it is for. For good.",
      schema: { type: "string", minLength: 1, maxLength: 255 },
    },
    issuer: {
      about: "The issuer whose policy applies, and whose name goes downstream as iss. For good.",
      schema: { type: "string", minLength: 1, maxLength: 255 },
    },
  },
  constraints: { required: REQUIRED },
  identify({ name, members }) {
    if (!NAME.test(name)) {
      throw new RangeError(
        'Expected the rule\'s name to be up to 100 of a-z, A-Z, 0-9, ".", "_" and "-", starting with a letter or a digit',
      );
    }
    const missing = REQUIRED.find((member) => !members.has(member));
    if (missing !== undefined) throw new RangeError(`Expected the rule to have ${missing}`);
    const provider = named(members, "provider");
    const issuer = named(members, "issuer");
    return Promise.resolve({ key: name, issuer, identity: { name, provider, issuer } });
  },
  exported: ({ issuer, identity }) => ({ provider: identity.provider ?? "", issuer }),
  contradiction: () => undefined,
  additionLoosens: (values) =>
    valueIn(values, "is_active") === true && valueIn(values, "mode") === "enforce"
      ? ["lets tokens of a provider act as the issuer"]
      : [],
};

function named(members: EntrySource["members"], member: "provider" | "issuer"): string {
  const value = members.get(member);
  if (!isName(value)) throw new RangeError(`Expected ${member} to be a name`);
  return value;
}
