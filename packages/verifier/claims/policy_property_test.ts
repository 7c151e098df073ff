import assert from "node:assert/strict";
import fc from "fast-check";
import { type IssuerPolicy, isUserId, JwtVerificationError, PROTECTED_CLAIMS } from "../mod.ts";
import { applyPolicy } from "./policy.ts";
import { checkTimes } from "./times.ts";

/** A long run sets this: `COUNTERSIGN_PROPERTY_RUNS=100000 deno test -A packages/verifier/claims/policy_property_test.ts`. */
const numRuns = Number(Deno.env.get("COUNTERSIGN_PROPERTY_RUNS") ?? 2000);

const USER = "5f0c4c4e-8d0f-4b8e-9a53-6f5e0a0d9c11";
// Few names, so that policies and tokens meet.
const roles = fc.constantFrom("writer", "reader", "Writer", "service_role", "supabase_admin", "");
const subjects = fc.constantFrom("worker-1", "worker-2", "w", "", USER, USER.toUpperCase());
const rules = fc.oneof(subjects, fc.constantFrom("*", "worker-*", "5f0c*", "w*"));
const names = fc.constantFrom("tenant", "region", "email", "aal", "countersign", "constructor");
const listOf = <T>(entry: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(entry, { maxLength: 3 });
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(value, { nil: null });

const policies: fc.Arbitrary<IssuerPolicy> = fc.record({
  allowedRoles: fc.oneof(
    { weight: 3, arbitrary: fc.constant(["writer", "reader"]) },
    listOf(roles),
  ),
  defaultRole: fc.oneof(fc.constant("reader"), maybe(roles)),
  allowedSubjects: maybe(listOf(rules)),
  allowUserSubjects: fc.boolean(),
  allowedClaims: maybe(listOf(names)),
  audiences: fc.constant(null),
  maxTokenLifetime: fc.constantFrom(1, 300),
  rejectIssuedBefore: maybe(fc.nat({ max: 20 })),
  singleUse: fc.boolean(),
  mode: fc.constantFrom("enforce", "observe"),
});

const junk = fc.constantFrom<unknown>(null, 1, true, [], {}, ["writer"]);
const seldom = fc.oneof({ weight: 15, arbitrary: fc.constant(undefined) }, fc.nat());
const often = fc.option(fc.nat(), { nil: undefined, freq: 1 });
const tokens = fc.record({
  role: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(undefined, "writer") }, roles, junk),
  sub: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(undefined, "worker-1", USER) },
    subjects,
    junk,
  ),
  jti: fc.oneof({ weight: 9, arbitrary: fc.constant("1") }, fc.constantFrom(undefined, ""), junk),
  tenant: often,
  region: often,
  constructor: often,
  email: seldom,
  aal: seldom,
  countersign: seldom,
}).map((members): Record<string, unknown> =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
);

type Verdict = "refused" | { role: string; observed: number };

/**
 * The design once more, in another shape: as sets of what is wrong with a token, some of which a policy may
 * observe. It shares no code with the implementation.
 */
function model(token: Record<string, unknown>, policy: IssuerPolicy): Verdict {
  const has = (name: string) => Object.prototype.hasOwnProperty.call(token, name);
  const grantable = policy.allowedRoles.filter((role) =>
    !["service_role", "supabase_admin"].includes(role)
  );
  const fatal: boolean[] = [];
  let observable = 0;

  // Role
  const text = (name: string) => !has(name) || typeof token[name] === "string";
  fatal.push(!text("role"), !text("sub"), !text("jti"));
  fatal.push(token["role"] === "service_role", token["role"] === "supabase_admin");
  let role: string | null = policy.defaultRole;
  if (has("role")) {
    if (grantable.some((allowed) => allowed === token["role"])) role = String(token["role"]);
    else observable++;
  }
  fatal.push(!grantable.some((allowed) => allowed === role));

  // Subject
  const { sub } = token;
  const isUser = typeof sub === "string" && sub.toLowerCase() === USER;
  const rulesFor = policy.allowedSubjects ?? ["*"];
  if (isUser) {
    fatal.push(!policy.allowUserSubjects);
    fatal.push(policy.allowedSubjects !== null && !rulesFor.some((rule) => rule === sub));
  } else if (policy.allowedSubjects !== null) {
    const matches = (rule: string) =>
      rule.at(-1) === "*" ? String(sub).indexOf(rule.slice(0, -1)) === 0 : rule === sub;
    if (!has("sub") || !rulesFor.some(matches)) observable++;
  }

  // Token id
  fatal.push(has("jti") ? token["jti"] === "" : policy.singleUse);

  // Other claims
  const listed = new Set(policy.allowedClaims ?? []);
  for (const name of ["tenant", "region", "email", "aal", "countersign", "constructor"]) {
    if (!has(name)) continue;
    if (name === "countersign") fatal.push(true);
    else if (name === "email" || name === "aal") fatal.push(!listed.has(name));
    else if (policy.allowedClaims !== null && !listed.has(name)) observable++;
  }

  if (fatal.some(Boolean) || role === null) return "refused";
  if (observable > 0 && policy.mode === "enforce") return "refused";
  return { role, observed: observable };
}

function implementation(token: Record<string, unknown>, policy: IssuerPolicy): Verdict {
  try {
    const { role, observed } = applyPolicy(token, policy, {});
    return { role, observed: observed.length };
  } catch (error) {
    assert.ok(error instanceof JwtVerificationError, String(error));
    return "refused";
  }
}

Deno.test("applyPolicy() agrees with a model of the design", () => {
  const verdicts = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(tokens, policies, (token, policy) => {
      const verdict = implementation(token, policy);
      assert.deepEqual(verdict, model(token, policy));
      verdicts[verdict === "refused" ? "refused" : "accepted"]++;
    }),
    { numRuns },
  );
  assert.ok(verdicts.accepted > numRuns / 20, "Expected the cases to reach acceptance");
});

Deno.test("checkTimes() agrees with a model of the design", () => {
  const time = fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 0, max: 40 }) },
    fc.constantFrom<unknown>(undefined, null, "20", 20.5, -1, true, [20]),
  );
  const verdicts = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(
      fc.record({ exp: time, iat: time, nbf: fc.option(time, { nil: undefined }) }),
      policies,
      fc.integer({ min: 0, max: 40_000 }).map((milliseconds) => milliseconds / 1000),
      fc.constantFrom(0, 5),
      (claims, policy, now, tolerance) => {
        const { exp, iat, nbf } = claims;
        const whole = (value: unknown): value is number =>
          typeof value === "number" && value >= 0 && Math.floor(value) === value;
        const expected = whole(exp) && whole(iat) && (nbf === undefined || whole(nbf)) &&
          iat < exp && (nbf === undefined || nbf <= exp) &&
          now - exp < tolerance && iat - now <= tolerance &&
          (nbf === undefined || nbf - now <= tolerance) &&
          exp <= iat + policy.maxTokenLifetime &&
          iat >= (policy.rejectIssuedBefore ?? 0);
        let accepted = true;
        try {
          checkTimes(claims, policy, now, { tolerance }, {});
        } catch (error) {
          assert.ok(error instanceof JwtVerificationError);
          accepted = false;
        }
        assert.equal(accepted, expected);
        verdicts[accepted ? "accepted" : "refused"]++;
      },
    ),
    { numRuns },
  );
  assert.ok(verdicts.accepted > numRuns / 200, "Expected the cases to reach acceptance");
});

/** What Postgres does to read a UUID, from the description of its input syntax: pairs of digits, with a hyphen after any even pair. */
function postgresReadsUuid(text: string): boolean {
  const inner = text.startsWith("{") && text.endsWith("}") ? text.slice(1, -1) : text;
  return /^(?:[0-9a-f]{4}-?){7}[0-9a-f]{4}$/i.test(inner);
}

Deno.test("isUserId() knows every spelling that Postgres reads", () => {
  const digits = fc.array(fc.constantFrom(..."0123456789abcdefABCDEF"), {
    minLength: 32,
    maxLength: 32,
  });
  const hyphens = fc.array(fc.boolean(), { minLength: 7, maxLength: 7 });
  fc.assert(
    fc.property(digits, hyphens, fc.boolean(), (hex, after, braces) => {
      const groups = hex.join("").match(/.{4}/g) ?? [];
      const body = groups.map((group, index) => after[index] ? `${group}-` : group).join("");
      const spelling = braces ? `{${body}}` : body;
      assert.ok(postgresReadsUuid(spelling));
      assert.ok(isUserId(spelling), spelling);
    }),
    { numRuns },
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."0aF-{} "), maxLength: 60 }), (text) => {
      if (postgresReadsUuid(text)) assert.ok(isUserId(text), text);
    }),
    { numRuns },
  );
});

Deno.test("isUserId() leaves names of services alone", () => {
  for (
    const sub of [
      "",
      "worker-1",
      "depot-42",
      "spiffe://example/billing",
      "f".repeat(31),
      "g".repeat(32),
    ]
  ) {
    assert.equal(isUserId(sub), false, sub);
  }
});

Deno.test("PROTECTED_CLAIMS can't be changed", () => {
  assert.ok(Object.isFrozen(PROTECTED_CLAIMS));
});
