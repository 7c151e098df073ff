import { isHttpsUrl } from "../fields/field_types.ts";
import { PROVIDER_FIELDS } from "../fields/provider_fields.ts";
import { type Section, valueIn } from "./section.ts";

/** `[providers."iss"]` */
export const providersSection: Section = {
  name: "providers",
  kind: "provider",
  about: "OIDC providers by the iss of their tokens.",
  relation: "jwt_oidc_providers",
  keyColumn: "issuer",
  identityColumns: ["issuer"],
  fields: PROVIDER_FIELDS,
  nameSchema: { pattern: "^https://", maxLength: 255 },
  members: {},
  identify({ name }) {
    if (!isHttpsUrl(name) || name.includes("?")) {
      throw new RangeError(
        "Expected the provider's name to be its iss: an https URL without user name, query or fragment",
      );
    }
    return Promise.resolve({ key: name, issuer: name, identity: { issuer: name } });
  },
  exported: () => ({}),
  contradiction(values) {
    const from = valueIn(values, "keys_from");
    for (const source of ["jwks_uri", "jwks"]) {
      if ((from === source) !== (valueIn(values, source) !== null)) {
        return `Expected ${source} exactly if keys_from is "${source}"`;
      }
    }
    return undefined;
  },
  // Without a rule it lets nobody in.
  additionLoosens: () => [],
};
