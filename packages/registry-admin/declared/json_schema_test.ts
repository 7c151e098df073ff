import { generateIssuerKeyPair } from "@countersign/signer";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import assert from "node:assert/strict";
import { parse } from "smol-toml";
import schema from "./countersign.schema.json" with { type: "json" };
import { RegistryError } from "../errors.ts";
import { readDeclaration } from "./file/read_declaration.ts";

const ajv = new Ajv({ strict: true, strictRequired: false });
addFormats.default(ajv);
const isValid = ajv.compile(schema);
const { publicKey } = await generateIssuerKeyPair({ algorithm: "ES256" });
const KEY = `public_key = """\n${publicKey}"""\n`;

/** What an editor's schema says of the document: TOML's times are to it text in the format of a time. */
function schemaTakes(text: string): boolean {
  return isValid(JSON.parse(JSON.stringify(parse(text))));
}

async function readerTakes(text: string): Promise<boolean> {
  try {
    await readDeclaration(text, { readKeyFile: () => Promise.resolve(publicKey) });
    return true;
  } catch (error) {
    assert(error instanceof RegistryError && error.code === "invalid_declaration", String(error));
    return false;
  }
}

const PROVIDER = "[providers.'https://a.io']";
const RULE = `[rules.a]
provider = 'https://a.io'
issuer = 'b'
audiences = ['ref']
conditions = { b = 'c' }
subject = 'ci:{b}'`;

for (
  const [taken, text] of [
    [true, ""],
    [true, "[issuers]"],
    [true, "[guard]\nenabled = true"],
    [false, "[guard]"],
    [false, "[guard]\nenabled = 1"],
    [false, "[guard]\nenabled = true\nchain = 'a.b'"],
    [false, "[providers.a]"],
    [false, "[policies.a]"],
    [true, PROVIDER],
    [false, PROVIDER.replace("https", "http")],
    [true, `${PROVIDER}\nalgorithms = ['RS256', 'ES256']`],
    [false, `${PROVIDER}\nalgorithms = ['HS256']`],
    [false, `${PROVIDER}\nalgorithms = []`],
    [true, `${PROVIDER}\nkeys_from = 'jwks_uri'\njwks_uri = 'https://a.io/jwks'`],
    [false, `${PROVIDER}\nkeys_from = 'jwks_uri'\njwks_uri = 'http://a.io/jwks'`],
    [true, `${PROVIDER}\nkeys_from = 'jwks'\njwks = { keys = [{ kty = 'OKP', x = 'a' }] }`],
    [false, `${PROVIDER}\nkeys_from = 'jwks'\njwks = { keys = [] }`],
    [true, RULE],
    [false, RULE.replace("[rules.a]", "[rules.'a b']")],
    [false, RULE.replace(/^provider.*\n/m, "")],
    [false, RULE.replace(/^conditions.*\n/m, "")],
    [false, RULE.replace("{ b = 'c' }", "{}")],
    [false, RULE.replace("{ b = 'c' }", "{ b = { c = 'd' } }")],
    [false, RULE.replace("{ b = 'c' }", "{ b = [] }")],
    [true, RULE.replace("{ b = 'c' }", "{ b = ['c', 1, true] }")],
    [false, RULE.replace("{ b = 'c' }", "{ b = 1.5 }")],
    [true, `${RULE}\nclaims = { b = '/c/d' }`],
    [false, `${RULE}\nclaims = { b = 1 }`],
    [false, "issuers = 1"],
    [true, "[issuers.a]"],
    [false, "[issuers.a]\nissuer = 'a'"],
    [false, "[issuers.a]\ncreated_at = 2027-01-01T00:00:00Z"],
    [true, "[issuers.a]\nis_active = false"],
    [false, "[issuers.a]\nis_active = 'false'"],
    [true, "[issuers.a]\nallowed_roles = []"],
    [false, "[issuers.a]\nallowed_roles = 'a'"],
    [false, "[issuers.a]\nallowed_roles = ['']"],
    [false, `[issuers.a]\nallowed_roles = ['${"a".repeat(256)}']`],
    [false, `[issuers.a]\nallowed_roles = [${"'a',".repeat(257)}]`],
    [false, "[issuers.a]\naudiences = []"],
    [true, "[issuers.a]\nmax_token_lifetime = '1 day'"],
    [true, "[issuers.a]\nmax_token_lifetime = '90 seconds'"],
    [false, "[issuers.a]\nmax_token_lifetime = '90'"],
    [false, "[issuers.a]\nmax_token_lifetime = 90"],
    [true, "[issuers.a]\nreject_issued_before = 2027-01-01T00:00:00+01:00"],
    [false, "[issuers.a]\nreject_issued_before = 2027-01-01"],
    [false, "[issuers.a]\nmode = 'off'"],
    [true, `[issuers.a]\ndescription = '${"ä".repeat(1000)}'`],
    [false, `[issuers.a]\ndescription = '${"a".repeat(1001)}'`],
    [true, `[[issuers.a.keys]]\n${KEY}`],
    [true, "[[issuers.a.keys]]\npublic_key_file = 'a.pub'"],
    [false, "[[issuers.a.keys]]"],
    [false, `[[issuers.a.keys]]\n${KEY}public_key_file = 'a.pub'`],
    [false, `[[issuers.a.keys]]\n${KEY}kid = 'short'`],
    [false, `[[issuers.a.keys]]\n${KEY}algorithm = 'HS256'`],
    [false, `[issuers.a.keys]\n${KEY}`],
  ] as const
) {
  const what = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  Deno.test(`schema and reader ${taken ? "take" : "refuse"} ${JSON.stringify(what)}`, async () => {
    assert.equal(schemaTakes(text), taken);
    assert.equal(await readerTakes(text), taken);
  });
}
