import { generateIssuerKeyPair } from "@countersign/signer";
import assert from "node:assert/strict";
import { RegistryError } from "../../errors.ts";
import { readDeclaration } from "./read_declaration.ts";

const { publicKey, privateKey, kid } = await generateIssuerKeyPair({ algorithm: "ES256" });
const KEY = `"""\n${publicKey}"""`;
const ISSUER = '[issuers."billing"]\n';
const WITH_KEY = `${ISSUER}[[issuers."billing".keys]]\n`;

/** The first problem, as `line:column message`. */
async function problem(text: string): Promise<string> {
  try {
    await readDeclaration(text);
  } catch (error) {
    assert(error instanceof RegistryError, String(error));
    assert.equal(error.code, "invalid_declaration");
    const [first] = error.problems;
    assert(first !== undefined);
    return `${first.line}:${first.column} ${first.message}`;
  }
  throw new Error("Expected a problem, found none");
}

for (
  const [what, text, expected] of [
    ["no TOML", "issuers: []", /^1:\d+ Expected TOML: /],
    ["a duplicate table", `${ISSUER}\n${ISSUER}`, /^3:\d+ Expected TOML: .*redefine/],
    ["a duplicate member", `${ISSUER}mode = "enforce"\nmode = "observe"`, /^3:1 .*redefine/],
    ["a table over a value", `issuers = 1\n${ISSUER}`, /^2:\d+ Expected TOML: .*redefine/],
    ["an unknown section", "[policies.x]", /^1:1 Unknown member "policies"$/],
    [
      "a misspelled section",
      "[issuer.x]",
      /^1:1 Unknown member "issuer"; did you mean "issuers"\?$/,
    ],
    [
      "an unknown member",
      `${ISSUER}# a comment\n  alowed_roles = []`,
      /^3:3 Unknown member "alowed_roles"; did you mean "allowed_roles"\?$/,
    ],
    [
      "a column that is not the file's to set",
      `${ISSUER}created_at = 2026-01-01T00:00:00Z`,
      /^2:1 Unknown/,
    ],
    ["__proto__", `[issuers.a.__proto__]\nis_active = false`, /^1:1 Unknown member "__proto__"$/],
    ["a section that is a list", "[[issuers]]", /^1:1 Expected a table for each/],
    ["an issuer that is text", 'issuers = { billing = "x" }', /^1:\d+ Expected a table/],
    [
      "keys that are one table",
      `${ISSUER}[issuers."billing".keys]`,
      /^2:1 Expected an array of tables/,
    ],
    ["an empty name", '[issuers.""]', /^1:1 Expected the issuer's name/],
    [
      "a name with a control character",
      String.raw`[issuers."a\u0007b"]`,
      /^1:1 Expected the issuer's name/,
    ],
    ["a long name", `[issuers.${"a".repeat(256)}]`, /^1:1 Expected the issuer's name/],
    ["a flag in quotes", `${ISSUER}is_active = "false"`, /^2:1 Expected true or false.*is_active$/],
    [
      "a role that is no list",
      `${ISSUER}allowed_roles = "a"`,
      /^2:1 Expected a list.*allowed_roles$/,
    ],
    ["a role that is a number", `${ISSUER}allowed_roles = ["a", 1]`, /^2:1 .*allowed_roles$/],
    [
      "too many roles",
      `${ISSUER}allowed_roles = [${"'a',".repeat(257)}]`,
      /^2:1 Expected a list of 0 to 256/,
    ],
    ["an empty list of audiences", `${ISSUER}audiences = []`, /^2:1 Expected a list of 1 to/],
    [
      "a default role that is not allowed",
      `${ISSUER}allowed_roles = ["a"]\ndefault_role = "b"`,
      /^1:1 Expected default_role to be one of allowed_roles$/,
    ],
    ["an unknown mode", `${ISSUER}mode = "off"`, /^2:1 Expected one of "enforce", "observe"/],
    ["a duration as a number", `${ISSUER}max_token_lifetime = 300`, /^2:1 Expected a duration/],
    [
      "a duration without a unit",
      `${ISSUER}max_token_lifetime = "300"`,
      /^2:1 Expected a duration/,
    ],
    [
      "an exchange of under a minute",
      `${ISSUER}max_exchange_lifetime = "59 seconds"`,
      /^2:1 Expected a duration from "1 minute" to "15 minutes"/,
    ],
    [
      "an exchange of over 15 minutes",
      `${ISSUER}max_exchange_lifetime = "16 minutes"`,
      /^2:1 Expected a duration from "1 minute" to "15 minutes"/,
    ],
    ["a duration in months", `${ISSUER}max_token_lifetime = "1 month"`, /^2:1 Expected a duration/],
    ["a duration of none", `${ISSUER}max_token_lifetime = "0 seconds"`, /^2:1 Expected a duration/],
    [
      "a duration beyond a day",
      `${ISSUER}max_token_lifetime = "25 hours"`,
      /^2:1 Expected a duration/,
    ],
    [
      "a duration that Postgres counts otherwise",
      `${ISSUER}max_token_lifetime = "1000 years -359999 days"`,
      /^2:1 Expected a duration/,
    ],
    [
      "a time as text",
      `${ISSUER}reject_issued_before = "2027-01-01T00:00:00Z"`,
      /^2:1 Expected a time/,
    ],
    [
      "a time without an offset",
      `${ISSUER}reject_issued_before = 2027-01-01T00:00:00`,
      /^2:1 .*offset/,
    ],
    ["a date", `${ISSUER}reject_issued_before = 2027-01-01`, /^2:1 .*offset/],
    ["a time of day", `${ISSUER}reject_issued_before = 12:00:00`, /^2:1 .*offset/],
    ["a date that is none", `${ISSUER}reject_issued_before = 2027-02-30T00:00:00Z`, /^2:\d+ /],
    ["a time before 1970", `${ISSUER}reject_issued_before = 1969-12-31T23:59:59Z`, /^2:1 .*1970/],
    ["a number beyond all", `${ISSUER}reject_issued_before = 1e400`, /^2:1 Expected a time/],
    [
      "a long description",
      `${ISSUER}description = "${"a".repeat(1001)}"`,
      /^2:1 .*1000 characters/,
    ],
    ["a guard that is no flag", '[guard]\nenabled = "yes"', /^2:1 Expected enabled/],
    ["a guard without enabled", "[guard]", /^1:1 Expected enabled/],
    ["a guard with more", "[guard]\nenabled = true\nchain = 'x.y'", /^3:1 Unknown member "chain"$/],
    [
      "a key of no kind",
      `${WITH_KEY}is_active = true`,
      /^2:1 Expected either public_key or public_key_file$/,
    ],
    [
      "a key of both kinds",
      `${WITH_KEY}public_key = ${KEY}\npublic_key_file = "a.pub"`,
      /^2:1 Expected either/,
    ],
    ["a key that is a number", `${WITH_KEY}public_key = 1`, /^2:1 .*to be text$/],
    ["a key that is none", `${WITH_KEY}public_key = "ssh-ed25519 AAAA"`, /^2:1 Expected/],
    [
      "a private key",
      `${WITH_KEY}public_key = """\n${privateKey}"""`,
      /^2:1 Expected a public key.*private key/,
    ],
    [
      "another kid",
      `${WITH_KEY}kid = "${"A".repeat(43)}"\npublic_key = ${KEY}`,
      /^2:1 Expected kid to be/,
    ],
    [
      "a key twice",
      `${WITH_KEY}public_key = ${KEY}\n[[issuers.billing.keys]]\npublic_key = ${KEY}`,
      /^\d+:1 Expected each key once/,
    ],
    [
      "a key of two issuers",
      `${WITH_KEY}public_key = ${KEY}\n[[issuers.other.keys]]\npublic_key = ${KEY}`,
      /^\d+:1 Expected each key once/,
    ],
    [
      "a key that ends before it begins",
      `${WITH_KEY}public_key = ${KEY}\nnot_before = 2027-01-02T00:00:00Z\nnot_after = 2027-01-01T00:00:00Z`,
      /^2:1 Expected not_before to be earlier/,
    ],
    [
      "a key's file where there are none",
      `${WITH_KEY}public_key_file = "a.pub"`,
      /^2:1 .*not read here$/,
    ],
    ["lists in lists", `x = ${"[".repeat(5)}${"]".repeat(5)}`, /^1:\d+ Expected TOML: .*nested/],
    ["a million lists in lists", `x = ${"[".repeat(1_000_000)}`, /^1:\d+ Expected TOML: .*nested/],
    [
      "tables in tables, 100,000 deep",
      `[${"a.".repeat(100_000)}a]\nb = 1`,
      /^1:1 Unknown member "a"$/,
    ],
    ["10 MB", `# ${"x".repeat(10_000_000)}`, /^1:1 Expected a file of at most 8 MiB$/],
    [
      "control characters",
      `${ISSUER}description = "\x1b[2J"`,
      /^2:\d+ Expected TOML: .*control characters/,
    ],
  ] as const
) {
  Deno.test(`readDeclaration() refuses ${what}, and says where`, async () => {
    assert.match(await problem(text), expected);
  });
}

Deno.test("readDeclaration() quotes nothing that may be a secret", async () => {
  const secret = privateKey.replace(/-----[^-]+-----|\s/g, "").slice(20, 60);
  for (
    const text of [
      `${WITH_KEY}public_key = """\n${privateKey}"""`,
      `${WITH_KEY}public_key = "${secret}`,
      `${WITH_KEY}public_key = ${secret}`,
      `${WITH_KEY}"${secret} " = 1`,
      `[issuers."a".${secret}]`,
    ]
  ) {
    await assert.rejects(readDeclaration(text), (error) => {
      assert(error instanceof RegistryError);
      const said = [error.message, ...error.problems.map(({ message }) => message)].join("\n");
      const cause = String(error.cause ?? "");
      assert(!said.includes(secret) && !cause.includes(secret), said);
      return true;
    });
  }
});

Deno.test("readDeclaration() reports every problem in the file's order, 20 at most", async () => {
  const text = `${ISSUER}is_active = 1\nmode = 2\n[guard]\nenabled = 3`;
  await assert.rejects(readDeclaration(text), (error) => {
    assert(error instanceof RegistryError);
    assert.deepEqual(error.problems.map(({ line }) => line), [2, 3, 5]);
    assert.match(error.message, /^Line 2, column 1: .* \(and 2 more\)$/);
    return true;
  });
  const many = Array.from({ length: 100 }, (_, index) => `x${index} = 1`).join("\n");
  await assert.rejects(
    readDeclaration(many),
    (error) => error instanceof RegistryError && error.problems.length === 20,
  );
});

Deno.test("readDeclaration() gives what is left out the database's defaults", async () => {
  const { entries, guard } = await readDeclaration(`${WITH_KEY}public_key = ${KEY}`);
  assert.equal(guard, null);
  assert.deepEqual(entries.issuers.get("billing")?.values, {
    is_active: true,
    allowed_roles: [],
    default_role: null,
    allowed_subjects: null,
    allow_user_subjects: false,
    allowed_claims: null,
    audiences: null,
    max_token_lifetime: 300,
    max_exchange_lifetime: null,
    reject_issued_before: null,
    single_use: false,
    mode: "enforce",
    description: null,
  });
  assert.deepEqual(entries.keys.get(kid)?.values, {
    algorithm: "ES256",
    is_active: true,
    not_before: null,
    not_after: null,
  });
});

Deno.test("readDeclaration() reads every member, in any spelling that TOML has", async () => {
  const text = `\ufeff# a comment\r
guard.enabled = false\r
[issuers]\r
"billing" = { is_active = false, allowed_roles = ["a", "b"], default_role = 'b', max_token_lifetime = "1 day" }\r
[issuers.'crm']\r
reject_issued_before = 2027-01-31 13:00:00.5+01:00\r
allowed_subjects = []\r
description = """Two\r
lines"""\r
keys = [{ kid = "${kid}", public_key_file = "keys/a.pub", algorithm = "ES256", is_active = false }]\r
`;
  const asked: string[] = [];
  const { entries, guard } = await readDeclaration(text, {
    readKeyFile: (path) => {
      asked.push(path);
      return Promise.resolve(publicKey);
    },
  });
  assert.equal(guard, false);
  assert.deepEqual(asked, ["keys/a.pub"]);
  const billing = entries.issuers.get("billing")?.values;
  assert.deepEqual(billing?.allowed_roles, ["a", "b"]);
  assert.equal(billing?.is_active, false);
  assert.equal(billing?.max_token_lifetime, 86_400);
  const crm = entries.issuers.get("crm")?.values;
  assert.equal(crm?.reject_issued_before, "2027-01-31T12:00:00.500Z");
  assert.deepEqual(crm?.allowed_subjects, []);
  assert.equal(entries.keys.get(kid)?.issuer, "crm");
  assert.equal(entries.keys.get(kid)?.values.is_active, false);
});

Deno.test("readDeclaration() reads names that are members of every object", async () => {
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
  const { entries } = await readDeclaration(
    names.map((name) => `[issuers.${name}]\nis_active = false\n`).join(""),
  );
  assert.deepEqual(Array.from(entries.issuers.keys()), names);
  assert(Array.from(entries.issuers.values()).every(({ values }) => values.is_active === false));
});

Deno.test("readDeclaration() reads 8 MiB in seconds", async () => {
  const issuer = (index: number) =>
    `[issuers."issuer-${index}"]\nallowed_roles = ["invoices_writer"]\ndescription = "${
      "d".repeat(700)
    }"\n`;
  const text = Array.from({ length: 10_000 }, (_, index) => issuer(index)).join("");
  assert(text.length > 7_000_000, String(text.length));
  const { entries } = await readDeclaration(text);
  assert.equal(entries.issuers.size, 10_000);
});
