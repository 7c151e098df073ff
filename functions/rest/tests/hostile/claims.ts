import { type HostileCase, tokenAttack } from "./hostile_case.ts";

const now = () => Math.floor(Date.now() / 1000);
const twice = (member: string) => (honest: string) => `{${member},${honest.slice(1)}`;

const issuers: HostileCase[] = [
  tokenAttack("iss twice", "malformed", { claimsText: twice('"iss":"billing"') }),
  tokenAttack("iss twice, once spelled with an escape", "malformed", {
    claimsText: twice('"\\u0069ss":"billing"'),
  }),
  tokenAttack("iss missing", "malformed", { claims: { iss: undefined } }),
  tokenAttack("iss null", "malformed", { claims: { iss: null } }),
  tokenAttack("iss empty", "malformed", { claims: { iss: "" } }),
  tokenAttack("iss an array that holds the real one", "malformed", {
    claims: { iss: ["warehouse"] },
  }),
  tokenAttack("iss an object", "malformed", { claims: { iss: { toString: "warehouse" } } }),
  ...[
    "Warehouse",
    "warehouse/",
    " warehouse",
    "wareh\u043euse",
    "warehous\u0065\u0301",
    "__proto__",
    "constructor",
    "warehouse' OR '1'='1",
    "invented-canary-issuer",
  ].map((iss) => tokenAttack(`iss ${JSON.stringify(iss)}`, "unknown_issuer", { claims: { iss } })),
  tokenAttack("iss cut off by a NUL", "malformed", { claims: { iss: "warehouse\0" } }),
  tokenAttack("iss of another issuer, signed with one's own key", "unknown_key", {
    claims: { iss: "billing" },
  }),
  tokenAttack("iss of another issuer, signed with one's own key and no kid", "algorithm_mismatch", {
    header: { kid: undefined },
    claims: { iss: "billing" },
  }, { twin: { header: { kid: undefined } } }),
  tokenAttack("iss of the target itself", "unknown_issuer", (stage) => ({
    claims: { iss: `${stage.target.url}/auth/v1` },
  })),
  tokenAttack("iss deactivated", "inactive_issuer", {}, {
    as: (stage) => stage.closed,
    twinAs: (stage) => stage.trusted,
  }),
];

const roles: HostileCase[] = [
  tokenAttack("role twice", "malformed", { claimsText: twice('"role":"service_role"') }),
  tokenAttack("role an array", "invalid_claims", { claims: { role: ["widgets_writer"] } }),
  tokenAttack("role null", "invalid_claims", { claims: { role: null } }),
  tokenAttack("role an object", "invalid_claims", { claims: { role: { name: "widgets_writer" } } }),
  ...[
    "",
    "Widgets_Writer",
    "widgets_writer ",
    '"widgets_writer"',
    "none",
    "anon",
    "authenticated",
    "authenticator",
    "service_role",
    "postgres",
    "supabase_admin",
    "supabase_auth_admin",
    "pg_read_all_data",
    "invoices_writer",
    "no_such_role_canary",
  ].map((role) =>
    tokenAttack(`role ${JSON.stringify(role)}`, "role_not_allowed", { claims: { role } })
  ),
  tokenAttack("role cut off by a NUL", "malformed", { claims: { role: "widgets_writer\0" } }),
  tokenAttack("no role, and the policy has no default", "role_not_allowed", {
    claims: { role: undefined },
  }),
  tokenAttack("a role that was given BYPASSRLS after it was registered", "role_not_allowed", {
    claims: { role: "risen_writer" },
  }, { as: (stage) => stage.rigged, twin: { claims: { role: "widgets_writer" } } }),
  tokenAttack("a role whose parent was given BYPASSRLS", "role_not_allowed", {
    claims: { role: "heir_writer" },
  }, { as: (stage) => stage.rigged, twin: { claims: { role: "widgets_writer" } } }),
  tokenAttack("no role, and the default was given BYPASSRLS", "role_not_allowed", {
    claims: { role: undefined },
  }, { as: (stage) => stage.rigged, twin: { claims: { role: "widgets_writer" } } }),
  tokenAttack(
    "role service_role under an issuer in observe mode without a default",
    "role_not_allowed",
    {
      claims: { role: "service_role" },
    },
    { as: (stage) => stage.observed },
  ),
];

const times: HostileCase[] = [
  tokenAttack("exp twice", "malformed", { claimsText: twice('"exp":99999999999') }),
  tokenAttack("exp missing", "invalid_claims", { claims: { exp: undefined } }),
  tokenAttack("exp a string", "invalid_claims", () => ({ claims: { exp: String(now() + 60) } })),
  tokenAttack("exp a float", "invalid_claims", () => ({ claims: { exp: now() + 60.5 } })),
  tokenAttack("exp null", "invalid_claims", { claims: { exp: null } }),
  tokenAttack("exp an array", "invalid_claims", () => ({ claims: { exp: [now() + 60] } })),
  tokenAttack("exp negative", "invalid_claims", { claims: { exp: -1 } }),
  tokenAttack("exp 1e308", "malformed", {
    claimsText: (honest) => honest.replace(/"exp":\d+/, '"exp":1e308'),
  }),
  tokenAttack("exp 1e999", "malformed", {
    claimsText: (honest) => honest.replace(/"exp":\d+/, '"exp":1e999'),
  }),
  tokenAttack("exp past", "expired", () => ({ claims: { iat: now() - 120, exp: now() - 60 } })),
  tokenAttack("exp in milliseconds", "lifetime_too_long", () => ({
    claims: { exp: (now() + 60) * 1000 },
  })),
  tokenAttack("exp in five years", "lifetime_too_long", () => ({
    claims: { exp: now() + 5 * 365 * 86_400 },
  })),
  tokenAttack(
    "exp before iat",
    "invalid_claims",
    () => ({ claims: { iat: now(), exp: now() - 30 } }),
  ),
  tokenAttack("iat missing", "invalid_claims", { claims: { iat: undefined } }),
  tokenAttack("iat a string", "invalid_claims", () => ({ claims: { iat: String(now()) } })),
  tokenAttack("iat in the future", "not_yet_valid", () => ({
    claims: { iat: now() + 120, exp: now() + 180 },
  })),
  tokenAttack("iat moved up to hide a long lifetime", "not_yet_valid", () => ({
    claims: { iat: now() + 86_400, exp: now() + 86_460 },
  })),
  tokenAttack("nbf in the future", "not_yet_valid", () => ({ claims: { nbf: now() + 30 } }), {
    twin: () => ({ claims: { nbf: now() } }),
  }),
  tokenAttack("nbf after exp", "invalid_claims", () => ({ claims: { nbf: now() + 600 } }), {
    twin: () => ({ claims: { nbf: now() } }),
  }),
  tokenAttack("nbf a string", "invalid_claims", () => ({ claims: { nbf: String(now()) } }), {
    twin: () => ({ claims: { nbf: now() } }),
  }),
  tokenAttack("issued before the cut-off", "issued_before_cutoff", () => ({
    claims: { iat: now() - 50, exp: now() + 10 },
  }), { as: (stage) => stage.strict }),
];

const audiences: HostileCase[] = [
  tokenAttack("aud null", "invalid_claims", { claims: { aud: null } }),
  tokenAttack("aud empty list", "invalid_claims", { claims: { aud: [] } }),
  tokenAttack("aud an object", "invalid_claims", (stage) => ({
    claims: { aud: { 0: stage.target.url } },
  })),
  tokenAttack("aud a list of another type", "invalid_claims", (stage) => ({
    claims: { aud: [stage.target.url, 1] },
  })),
  tokenAttack("aud of staging", "wrong_audience", {
    claims: { aud: "https://staging-canary.supabase.co" },
  }),
  tokenAttack("aud a list of others", "wrong_audience", { claims: { aud: ["a", "b"] } }, {
    twin: (stage) => ({ claims: { aud: ["a", stage.target.url] } }),
  }),
  tokenAttack("aud that only begins like ours", "wrong_audience", (stage) => ({
    claims: { aud: `${stage.target.url}.attacker.example` },
  })),
  tokenAttack(
    "no aud, and the policy names one",
    "wrong_audience",
    { claims: { aud: undefined } },
    {
      as: (stage) => stage.strict,
    },
  ),
  tokenAttack("aud of the target, and the policy names another", "wrong_audience", (stage) => ({
    claims: { aud: stage.target.url },
  }), { as: (stage) => stage.strict }),
];

/** Every spelling that Postgres casts to a uuid, so `auth.uid()` would read a user's id from it. */
export const USER_ID_SPELLINGS = [
  "5f1ab1e0-0000-4000-8000-00000000cafe",
  "5F1AB1E0-0000-4000-8000-00000000CAFE",
  "5f1ab1e000004000800000000000cafe",
  "{5f1ab1e0-0000-4000-8000-00000000cafe}",
  "{5F1AB1E000004000800000000000CAFE}",
  "5f1a-b1e0-0000-4000-8000-0000-0000-cafe",
  "5f1ab1e0-00004000-80000000-0000cafe",
] as const;

const subjects: HostileCase[] = [
  ...USER_ID_SPELLINGS.map((sub) =>
    tokenAttack(`sub a user's id, spelled ${sub}`, "subject_not_allowed", { claims: { sub } })
  ),
  tokenAttack("sub a user's id under an issuer in observe mode", "subject_not_allowed", {
    claims: { sub: USER_ID_SPELLINGS[0] },
  }, { as: (stage) => stage.observed }),
  tokenAttack("sub an array", "invalid_claims", { claims: { sub: ["press-1"] } }),
  tokenAttack("sub null", "invalid_claims", { claims: { sub: null } }),
  ...["press-2", "press-1 ", "PRESS-1", "depot", "x-depot-1", "*", ""].map((sub) =>
    tokenAttack(`sub ${JSON.stringify(sub)} outside the policy`, "subject_not_allowed", {
      claims: { sub },
    }, { as: (stage) => stage.strict, twin: { claims: { sub: "depot-42" } } })
  ),
  tokenAttack("sub missing, and the policy names subjects", "subject_not_allowed", {
    claims: { sub: undefined },
  }, { as: (stage) => stage.strict }),
];

const further: HostileCase[] = [
  ...[
    "app_metadata",
    "user_metadata",
    "email",
    "phone",
    "aal",
    "amr",
    "session_id",
    "is_anonymous",
    "countersign",
  ].flatMap((claim) => [
    tokenAttack(`forged ${claim}`, "claim_not_allowed", { claims: { [claim]: "canary" } }),
    tokenAttack(`forged ${claim} under an issuer in observe mode`, "claim_not_allowed", {
      claims: { [claim]: { admin: true } },
    }, { as: (stage) => stage.observed }),
  ]),
  ...["tenant", "constructor", "toString", "hasOwnProperty"].map((claim) =>
    tokenAttack(`claim ${claim} outside the policy`, "claim_not_allowed", {
      claims: { [claim]: "canary" },
    }, { as: (stage) => stage.strict, twin: { claims: { region: "canary" } } })
  ),
  tokenAttack("__proto__ outside the policy", "malformed", {
    claimsText: twice('"__proto__":{"canary":1}'),
  }, { as: (stage) => stage.strict, twin: { claimsText: twice('"region":{"canary":1}') } }),
  tokenAttack("a role by way of __proto__", "malformed", {
    claims: { role: undefined },
    claimsText: twice('"__proto__":{"role":"widgets_writer"}'),
  }, { twin: { claimsText: twice('"note":{"role":"widgets_writer"}') } }),
  tokenAttack("exp by way of __proto__", "malformed", {
    claims: { exp: undefined },
    claimsText: twice('"__proto__":{"exp":99999999999}'),
  }, { twin: { claimsText: twice('"note":{"exp":99999999999}') } }),
];

export const CLAIMS: readonly HostileCase[] = [
  ...issuers,
  ...roles,
  ...times,
  ...audiences,
  ...subjects,
  ...further,
];
