import { COUNTERSIGN_CLAIM } from "../claims/protected_claims.ts";
import { AUDIENCE, type HostileCase, NOW, refuses } from "../fixtures/tokens.ts";
import { PROTECTED_CLAIMS, type VerificationReason } from "../mod.ts";

/** A case whose attack and twin change claims only. */
const differ = (
  reason: VerificationReason,
  attack: object,
  twin: object,
  rest: Pick<HostileCase, "record" | "options"> = {},
): HostileCase => ({ attack: { claims: attack }, twin: { claims: twin }, reason, ...rest });

const USER_ID = "5f0c4c4e-8d0f-4b8e-9a53-6f5e0a0d9c11";
const HEX = USER_ID.replaceAll("-", "");

const ISSUER: Record<string, HostileCase> = {
  "iss missing": differ("malformed", { iss: undefined }, { iss: "billing" }),
  "iss empty": differ("malformed", { iss: "" }, { iss: "billing" }),
  "iss an array": differ("malformed", { iss: ["billing"] }, { iss: "billing" }),
  "iss an object": differ("malformed", { iss: { toString: "billing" } }, { iss: "billing" }),
  "iss null": differ("malformed", { iss: null }, { iss: "billing" }),
  "iss in other case": differ("unknown_issuer", { iss: "Billing" }, { iss: "billing" }),
  "iss with a slash after it": differ("unknown_issuer", { iss: "billing/" }, { iss: "billing" }),
  "iss with a space after it": differ("unknown_issuer", { iss: "billing " }, { iss: "billing" }),
  "iss with a look-alike letter": differ(
    "unknown_issuer",
    { iss: "b\u0456lling" },
    { iss: "billing" },
  ),
  "iss with a newline": differ("unknown_issuer", { iss: "billing\n" }, { iss: "billing" }),
  "iss with a control character of C1": differ(
    "unknown_issuer",
    { iss: "bill\u0085ing" },
    { iss: "billing" },
  ),
  "iss of 256 characters": differ("unknown_issuer", { iss: "b".repeat(256) }, { iss: "billing" }),
  "iss as a prototype name": differ("unknown_issuer", { iss: "constructor" }, { iss: "billing" }),
  "the target's own issuer": differ(
    "unknown_issuer",
    { iss: "https://ref.supabase.co/auth/v1" },
    { iss: "billing" },
  ),
};

const TIMES: Record<string, HostileCase> = {
  "exp missing": differ("invalid_claims", { exp: undefined }, { exp: NOW + 60 }),
  "exp null": differ("invalid_claims", { exp: null }, { exp: NOW + 60 }),
  "exp a string": differ("invalid_claims", { exp: `${NOW + 60}` }, { exp: NOW + 60 }),
  "exp with a fraction": differ("invalid_claims", { exp: NOW + 60.5 }, { exp: NOW + 60 }),
  "exp negative": differ("invalid_claims", { exp: -1 }, { exp: NOW + 60 }),
  "exp an array": differ("invalid_claims", { exp: [NOW + 60] }, { exp: NOW + 60 }),
  "exp an object": differ("invalid_claims", { exp: {} }, { exp: NOW + 60 }),
  "exp a boolean": differ("invalid_claims", { exp: true }, { exp: NOW + 60 }),
  "exp 1e308": differ("malformed", { exp: 1e308 }, { exp: NOW + 60 }),
  "exp in milliseconds": differ(
    "lifetime_too_long",
    { exp: (NOW + 60) * 1000 },
    { exp: NOW + 60 },
  ),
  "all times in milliseconds": differ(
    "not_yet_valid",
    { exp: (NOW + 60) * 1000, iat: NOW * 1000 },
    { exp: NOW + 60, iat: NOW },
  ),
  "a lifetime of five years": differ(
    "lifetime_too_long",
    { exp: NOW + 5 * 365 * 86400 },
    { exp: NOW + 300 },
  ),
  "a lifetime one second longer than the policy's": differ(
    "lifetime_too_long",
    { exp: NOW + 301 },
    { exp: NOW + 300 },
  ),
  "exp that equals iat": differ(
    "invalid_claims",
    { iat: NOW, exp: NOW },
    { iat: NOW, exp: NOW + 1 },
  ),
  "exp before iat": differ("invalid_claims", { exp: NOW - 1 }, { exp: NOW + 1 }),
  "a token at exp and tolerance": differ(
    "expired",
    { iat: NOW - 60, exp: NOW - 5 },
    { iat: NOW - 60, exp: NOW - 4 },
  ),
  "a token at exp without tolerance": differ(
    "expired",
    { iat: NOW - 60, exp: NOW },
    { iat: NOW - 60, exp: NOW + 1 },
    { options: { clockToleranceSec: 0 } },
  ),
  "iat missing": differ("invalid_claims", { iat: undefined }, { iat: NOW }),
  "iat a string": differ("invalid_claims", { iat: `${NOW}` }, { iat: NOW }),
  "iat with a fraction": differ("invalid_claims", { iat: NOW - 0.5 }, { iat: NOW }),
  "iat negative": differ("invalid_claims", { iat: -1 }, { iat: NOW }),
  "iat in the future": differ("not_yet_valid", { iat: NOW + 6 }, { iat: NOW + 5 }),
  "nbf a string": differ("invalid_claims", { nbf: `${NOW}` }, { nbf: NOW }),
  "nbf null": differ("invalid_claims", { nbf: null }, { nbf: undefined }),
  "nbf negative": differ("invalid_claims", { nbf: -1 }, { nbf: 0 }),
  "nbf in the future": differ("not_yet_valid", { nbf: NOW + 6 }, { nbf: NOW + 5 }),
  "nbf after exp": differ("invalid_claims", { nbf: NOW + 61 }, { nbf: NOW }),
  "a token issued before the cut-off": differ(
    "issued_before_cutoff",
    { iat: NOW - 11 },
    { iat: NOW - 10 },
    { record: { policy: { rejectIssuedBefore: NOW - 10 } } },
  ),
};

const named = { record: { policy: { audiences: ["https://other.example"] } } };

const AUDIENCES: Record<string, HostileCase> = {
  "the audience of another target": differ(
    "wrong_audience",
    { aud: "https://staging.supabase.co" },
    { aud: AUDIENCE },
  ),
  "an audience in other case": differ(
    "wrong_audience",
    { aud: AUDIENCE.toUpperCase() },
    { aud: AUDIENCE },
  ),
  "an audience that only begins like the target": differ(
    "wrong_audience",
    { aud: `${AUDIENCE}.attacker.example` },
    { aud: AUDIENCE },
  ),
  "several audiences, none of them the target": differ(
    "wrong_audience",
    { aud: ["a", "b"] },
    { aud: ["a", AUDIENCE] },
  ),
  "aud null": differ("invalid_claims", { aud: null }, { aud: AUDIENCE }),
  "aud an empty array": differ("invalid_claims", { aud: [] }, { aud: [AUDIENCE] }),
  "aud an object": differ("invalid_claims", { aud: { 0: AUDIENCE } }, { aud: AUDIENCE }),
  "aud with something that is no string": differ(
    "invalid_claims",
    { aud: [AUDIENCE, 1] },
    { aud: [AUDIENCE, "1"] },
  ),
  "aud empty": differ("wrong_audience", { aud: "" }, { aud: AUDIENCE }),
  "aud missing where the target requires it": differ(
    "wrong_audience",
    { aud: undefined },
    { aud: AUDIENCE },
    { options: { requireAudience: true } },
  ),
  "aud missing where the policy names audiences": differ(
    "wrong_audience",
    { aud: undefined },
    { aud: "https://other.example" },
    named,
  ),
  "the target's own audience where the policy names others": differ(
    "wrong_audience",
    { aud: AUDIENCE },
    { aud: "https://other.example" },
    named,
  ),
};

const role = (claimed: unknown, reason: VerificationReason = "role_not_allowed"): HostileCase =>
  differ(reason, { role: claimed }, { role: "billing_writer" });

/** A registry that is wrong, and allows what it must not. */
const brokenRegistry = (reserved: string): HostileCase =>
  differ("role_not_allowed", { role: reserved }, { role: "billing_writer" }, {
    record: { policy: { allowedRoles: [reserved, "billing_writer"] } },
  });

const RESERVED_ROLES = [
  "service_role",
  "SERVICE_ROLE",
  "authenticator",
  "postgres",
  "supabase_admin",
  "supabase_auth_admin",
  "supabase_storage_admin",
  "supabase_read_only_user",
  "pgbouncer",
  "dashboard_user",
  "pgsodium_keymaker",
  "pg_read_all_data",
  "pg_execute_server_program",
  "none",
  "public",
];

const ROLES: Record<string, HostileCase> = {
  "another issuer's role": role("shipping_writer"),
  "a role in other case": role("Billing_Writer"),
  "a role with a space after it": role("billing_writer "),
  "a role with a look-alike letter": role("billing_wr\u0456ter"),
  "a role with a control character": role("billing_writer\u0001"),
  "an empty role": role(""),
  "a role that is a prefix of an allowed one": role("billing"),
  "a role with a wildcard": role("*"),
  "a role that is an array": role(["billing_writer"], "invalid_claims"),
  "a role that is an object": role({ 0: "billing_writer" }, "invalid_claims"),
  "a role that is null": role(null, "invalid_claims"),
  "a role that is a number": role(0, "invalid_claims"),
  "a role named after a member of Object.prototype": role("constructor"),
  "no role where the policy has no default": differ(
    "role_not_allowed",
    { role: undefined },
    { role: "billing_writer" },
    { record: { policy: { defaultRole: null } } },
  ),
  "no role where the default is not allowed": differ(
    "role_not_allowed",
    { role: undefined },
    { role: "billing_writer" },
    { record: { policy: { defaultRole: "shipping_writer" } } },
  ),
  "a default role that is reserved": differ(
    "role_not_allowed",
    { role: undefined },
    { role: "billing_writer" },
    {
      record: {
        policy: { defaultRole: "postgres", allowedRoles: ["postgres", "billing_writer"] },
      },
    },
  ),
};
for (const name of RESERVED_ROLES) {
  ROLES[`the role ${name} that a broken registry allows`] = brokenRegistry(name);
}

const sub = (claimed: unknown, reason: VerificationReason = "subject_not_allowed"): HostileCase =>
  differ(reason, { sub: claimed }, { sub: "worker-1" });

const listed = (subjects: readonly string[], allowUserSubjects = false) => ({
  record: { policy: { allowedSubjects: subjects, allowUserSubjects } },
});

const SUBJECTS: Record<string, HostileCase> = {
  "a user's id": sub(USER_ID),
  "a user's id in upper case": sub(USER_ID.toUpperCase()),
  "a user's id in braces": sub(`{${USER_ID}}`),
  "a user's id without hyphens": sub(HEX),
  "a user's id with hyphens after every four digits": sub(HEX.replace(/.{4}(?=.)/g, "$&-")),
  "a user's id with hyphens in odd places": sub(`${HEX.slice(0, 4)}-${HEX.slice(4)}`),
  "a user's id with white space around it": sub(` ${USER_ID} `),
  "a user's id in braces, upper case, without hyphens": sub(`{${HEX.toUpperCase()}}`),
  "the nil UUID": sub("00000000-0000-0000-0000-000000000000"),
  "a sub that is a number": sub(1, "invalid_claims"),
  "a sub that is null": sub(null, "invalid_claims"),
  "a sub that is an array": sub([USER_ID], "invalid_claims"),
  "a sub with a newline": sub("worker-1\n", "invalid_claims"),
  "a sub of 256 characters": differ(
    "invalid_claims",
    { sub: "w".repeat(256) },
    { sub: "w".repeat(255) },
  ),
  "a subject that is not listed": differ(
    "subject_not_allowed",
    { sub: "worker-2" },
    { sub: "worker-1" },
    listed(["worker-1"]),
  ),
  "a subject that only begins like a listed one": differ(
    "subject_not_allowed",
    { sub: "worker-11" },
    { sub: "worker-1" },
    listed(["worker-1"]),
  ),
  "a subject that does not begin like a listed prefix": differ(
    "subject_not_allowed",
    { sub: "a-worker-1" },
    { sub: "worker-1" },
    listed(["worker-*"]),
  ),
  "a subject that spells a listed prefix in other case": differ(
    "subject_not_allowed",
    { sub: "Worker-1" },
    { sub: "worker-1" },
    listed(["worker-*"]),
  ),
  "a missing sub where subjects are listed": differ(
    "subject_not_allowed",
    { sub: undefined },
    { sub: "worker-1" },
    listed(["*"]),
  ),
  "a user's id under a prefix that is everything": differ(
    "subject_not_allowed",
    { sub: USER_ID },
    { sub: "worker-1" },
    listed(["*"], true),
  ),
  "a user's id under a prefix of it": differ(
    "subject_not_allowed",
    { sub: USER_ID },
    { sub: "5f0c-worker" },
    listed(["5f0c*"], true),
  ),
  "a listed user's id without allow_user_subjects": differ(
    "subject_not_allowed",
    { sub: USER_ID },
    { sub: "worker-1" },
    listed([USER_ID, "worker-1"]),
  ),
  "another user's id where users are listed": differ(
    "subject_not_allowed",
    { sub: USER_ID.replace("5", "6") },
    { sub: USER_ID },
    listed([USER_ID], true),
  ),
};

const OTHER: Record<string, HostileCase> = {
  "the mark of a downstream token": differ(
    "claim_not_allowed",
    { countersign: { kid: "k", jti: "j" } },
    { countersigned: { kid: "k", jti: "j" } },
  ),
  "the mark of a downstream token that a broken registry allows": differ(
    "claim_not_allowed",
    { [COUNTERSIGN_CLAIM]: null },
    {},
    { record: { policy: { allowedClaims: [COUNTERSIGN_CLAIM] } } },
  ),
  "a claim that is not listed": differ(
    "claim_not_allowed",
    { tenant: 1, region: "eu" },
    { tenant: 1 },
    { record: { policy: { allowedClaims: ["tenant"] } } },
  ),
  "any claim where the list is empty": differ(
    "claim_not_allowed",
    { tenant: 1 },
    {},
    { record: { policy: { allowedClaims: [] } } },
  ),
  "a claim named constructor where claims are listed": differ(
    "claim_not_allowed",
    { constructor: "x" },
    { tenant: "x" },
    { record: { policy: { allowedClaims: ["tenant"] } } },
  ),
  "a missing jti for an issuer with single use": differ(
    "invalid_claims",
    { jti: undefined },
    { jti: "1" },
    { record: { policy: { singleUse: true } } },
  ),
  "an empty jti": differ("invalid_claims", { jti: "" }, { jti: "1" }),
  "a jti that is a number": differ("invalid_claims", { jti: 1 }, { jti: "1" }),
  "a jti that is null": differ("invalid_claims", { jti: null }, { jti: undefined }),
  "a jti of 256 characters": differ(
    "invalid_claims",
    { jti: "j".repeat(256) },
    { jti: "j".repeat(255) },
  ),
};
for (const name of PROTECTED_CLAIMS) {
  OTHER[`a forged ${name}`] = {
    attack: { claims: { [name]: "forged" } },
    twin: { claims: { [`${name}_`]: "forged" } },
    reason: "claim_not_allowed",
  };
  OTHER[`a forged ${name} where other claims are listed`] = differ(
    "claim_not_allowed",
    { [name]: "forged" },
    { tenant: "forged" },
    { record: { policy: { allowedClaims: ["tenant"] } } },
  );
}

for (const cases of [ISSUER, TIMES, AUDIENCES, ROLES, SUBJECTS, OTHER]) {
  for (const [name, hostile] of Object.entries(cases)) refuses(name, hostile);
}
