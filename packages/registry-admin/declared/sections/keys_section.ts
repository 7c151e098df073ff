import { canonicalPublicKey, InvalidPublicKeyError, keyId } from "@countersign/verifier";
import { RegistryError } from "../../errors.ts";
import { checkedKey } from "../../keys/checked_key.ts";
import { KEY_FIELDS } from "../fields/key_fields.ts";
import { type EntrySource, type Section, valueIn } from "./section.ts";

/** `[[issuers."name".keys]]` */
export const keysSection: Section = {
  name: "keys",
  kind: "key",
  about: "The issuer's public keys.",
  within: "issuers",
  relation: "jwt_public_keys",
  keyColumn: "kid",
  identityColumns: ["issuer", "public_key"],
  fields: KEY_FIELDS,
  members: {
    kid: {
      about: "base64url(SHA-256(SPKI DER)), for people. Has to fit the key.",
      schema: { type: "string", pattern: "^[A-Za-z0-9_-]{43}$" },
    },
    public_key: {
      about: "The key, SPKI PEM. Either this or public_key_file.",
      schema: { type: "string", maxLength: 8192 },
    },
    public_key_file: {
      about: "The path of a PEM file, relative to this file and never outside its folder.",
      schema: { type: "string", minLength: 1, maxLength: 1024 },
    },
  },
  constraints: { oneOf: [{ required: ["public_key"] }, { required: ["public_key_file"] }] },
  async identify(source) {
    const given = await publicKeyOf(source);
    const { publicKey, kid } = await withoutKeyErrors(async () => {
      const publicKey = canonicalPublicKey(given);
      return { publicKey, kid: await keyId(publicKey) };
    });
    const expected = source.members.get("kid");
    if (expected !== undefined && expected !== kid) {
      throw new RangeError(`Expected kid to be "${kid}", which is the ID of this key`);
    }
    // Only where the file does not say: importing thousands of keys takes seconds.
    const standards = source.members.has("algorithm")
      ? {}
      : { algorithm: (await withoutKeyErrors(() => checkedKey(publicKey, undefined))).algorithm };
    return {
      key: kid,
      issuer: source.name,
      identity: { issuer: source.name, public_key: publicKey },
      standards,
    };
  },
  exported: ({ key, identity }) => ({ kid: key, public_key: identity.public_key ?? "" }),
  contradiction(values) {
    const from = valueIn(values, "not_before");
    const until = valueIn(values, "not_after");
    return from !== null && until !== null && from >= until
      ? "Expected not_before to be earlier than not_after"
      : undefined;
  },
  additionLoosens: (values) =>
    valueIn(values, "is_active") === true ? ["lets one more key sign for the issuer"] : [],
};

async function publicKeyOf({ members, readKeyFile }: EntrySource): Promise<string> {
  const inline = members.get("public_key");
  const file = members.get("public_key_file");
  if ((inline === undefined) === (file === undefined)) {
    throw new RangeError("Expected either public_key or public_key_file");
  }
  if (typeof inline === "string") return inline;
  if (typeof file === "string") return await readKeyFile(file);
  throw new RangeError("Expected the public key, or the path of its file, to be text");
}

/** Why a key is refused, in the verifier's words, which never quote the key. */
async function withoutKeyErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof InvalidPublicKeyError || error instanceof RegistryError) {
      throw new RangeError(error.message, { cause: error });
    }
    throw error;
  }
}
