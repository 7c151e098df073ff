import assert from "node:assert/strict";
import { keyOf, makeRecord } from "../../fixtures/tokens.ts";
import { JwtVerificationError, parseIssuerRow } from "../../mod.ts";

const { kid, publicKey } = await keyOf("EdDSA");
const key = { kid, algorithm: "EdDSA", public_key: publicKey, not_before: null, not_after: null };
/** What the view gives for the record of `billing`. */
const row = {
  issuer: "billing",
  is_active: true,
  allowed_roles: ["billing_reader", "billing_writer"],
  default_role: "billing_reader",
  allowed_subjects: null,
  allow_user_subjects: false,
  allowed_claims: null,
  audiences: null,
  max_token_lifetime: 300,
  max_exchange_lifetime: null,
  reject_issued_before: null,
  single_use: false,
  mode: "enforce",
  keys: [key],
  revoked_kids: [],
};

Deno.test("parseIssuerRow() reads a row of the view", async () => {
  const { privateKey: _, ...expectedKey } = await keyOf("EdDSA");
  const record = await makeRecord({ keys: [] });
  assert.deepEqual(parseIssuerRow(row), { ...record, keys: [expectedKey] });
});

Deno.test("parseIssuerRow() reads every column that may hold a value", () => {
  const record = parseIssuerRow({
    ...row,
    is_active: false,
    default_role: null,
    allowed_subjects: ["a*"],
    allow_user_subjects: true,
    allowed_claims: [],
    audiences: ["x"],
    reject_issued_before: 1_800_000_000,
    single_use: true,
    mode: "observe",
    keys: [{ ...key, not_before: 1, not_after: 2 }],
    revoked_kids: ["r"],
  });
  assert.deepEqual(record, {
    issuer: "billing",
    isActive: false,
    policy: {
      allowedRoles: ["billing_reader", "billing_writer"],
      defaultRole: null,
      allowedSubjects: ["a*"],
      allowUserSubjects: true,
      allowedClaims: [],
      audiences: ["x"],
      maxTokenLifetime: 300,
      maxExchangeLifetime: null,
      rejectIssuedBefore: 1_800_000_000,
      singleUse: true,
      mode: "observe",
    },
    keys: [{ kid, algorithm: "EdDSA", publicKey, notBefore: 1, notAfter: 2 }],
    revokedKids: ["r"],
  });
});

Deno.test("parseIssuerRow() reads a bigint as any driver gives it", () => {
  for (const value of [1_800_000_000, 1_800_000_000n, "1800000000"]) {
    const record = parseIssuerRow({ ...row, reject_issued_before: value });
    assert.equal(record.policy.rejectIssuedBefore, 1_800_000_000);
  }
});

Deno.test("parseIssuerRow() ignores columns that it doesn't know", () => {
  assert.deepEqual(parseIssuerRow({ ...row, description: "x" }), parseIssuerRow(row));
});

Deno.test("parseIssuerRow() leaves out a key of an algorithm that it doesn't know", () => {
  for (const algorithm of ["ES512", "HS256", "none", "__proto__", ""]) {
    const { keys } = parseIssuerRow({ ...row, keys: [{ ...key, algorithm }, key] });
    assert.deepEqual(keys.map((kept) => kept.algorithm), ["EdDSA"]);
  }
});

/** Values that are wrong in every column of one kind. */
const JUNK: Record<string, readonly unknown[]> = {
  text: [undefined, 1, true, {}, ["billing"]],
  array: [undefined, "{}", "a", {}, [1], [null], [["a"]], 1],
  boolean: [undefined, null, 0, 1, "t", "true", []],
  number: [
    undefined,
    -1,
    1.5,
    NaN,
    Infinity,
    2 ** 53,
    "",
    "-1",
    "1e3",
    "0x10",
    " 1",
    {},
    [1],
    true,
  ],
};

const COLUMNS: Record<string, readonly unknown[]> = {
  issuer: [...JUNK["text"] ?? [], null, ""],
  is_active: JUNK["boolean"] ?? [],
  allowed_roles: [...JUNK["array"] ?? [], null],
  default_role: JUNK["text"] ?? [],
  allowed_subjects: JUNK["array"] ?? [],
  allow_user_subjects: JUNK["boolean"] ?? [],
  allowed_claims: JUNK["array"] ?? [],
  audiences: JUNK["array"] ?? [],
  max_token_lifetime: [...JUNK["number"] ?? [], null],
  max_exchange_lifetime: JUNK["number"] ?? [],
  reject_issued_before: JUNK["number"] ?? [],
  single_use: JUNK["boolean"] ?? [],
  mode: [...JUNK["text"] ?? [], null, "off", "Enforce"],
  keys: [...JUNK["array"] ?? [], null, [[]]],
  revoked_kids: [...JUNK["array"] ?? [], null],
};
const MEMBERS: Record<string, readonly unknown[]> = {
  kid: [...JUNK["text"] ?? [], null, ""],
  algorithm: [...JUNK["text"] ?? [], null],
  public_key: [...JUNK["text"] ?? [], null],
  not_before: JUNK["number"] ?? [],
  not_after: JUNK["number"] ?? [],
};

function refuses(value: unknown, what: string): void {
  assert.throws(() => parseIssuerRow(value), (error) => {
    assert.ok(error instanceof JwtVerificationError, what);
    assert.equal(error.code, "registry_unavailable");
    assert.match(error.message, /^Expected /);
    return true;
  }, what);
}

for (const [column, values] of Object.entries(COLUMNS)) {
  Deno.test(`parseIssuerRow() refuses anything else in ${column}`, () => {
    for (const value of values) refuses({ ...row, [column]: value }, String(value));
  });
}

for (const [member, values] of Object.entries(MEMBERS)) {
  Deno.test(`parseIssuerRow() refuses anything else in ${member} of a key`, () => {
    for (const value of values) {
      refuses({ ...row, keys: [{ ...key, [member]: value }] }, String(value));
    }
  });
}

Deno.test("parseIssuerRow() refuses what is no row", () => {
  for (const value of [undefined, null, 1, "row", [], [row], new Map(Object.entries(row))]) {
    refuses(value, String(value));
  }
});

Deno.test("parseIssuerRow() takes no column from a prototype", () => {
  refuses(Object.create(row), "inherited");
});
