import assert from "node:assert/strict";
import { eachWay, newKey, refused, register, sql, withTarget } from "../fixtures/every_way.ts";
import {
  getPolicy,
  listPublicKeys,
  type PolicyFields,
  type RegistryErrorCode,
  setPolicy,
} from "../mod.ts";

withTarget();

eachWay("registerPublicKey() sets only the parts of the policy that are given", async (s) => {
  const policy: PolicyFields = {
    roles: ["widgets_writer"],
    subjects: ["job-*"],
    maxTokenLifetime: 90,
  };
  await register({ ...s, ...policy });
  await register({ ...s, ...await newKey() });
  await register({ ...s, ...await newKey(), defaultRole: "widgets_writer" });
  const { roles, defaultRole, subjects, maxTokenLifetime } = await getPolicy(s.target, s.issuer);
  assert.deepEqual({ roles, subjects, maxTokenLifetime }, policy);
  assert.equal(defaultRole, "widgets_writer");
});

for (
  const [what, fields, code, message] of [
    [
      "a role that bypasses row level security",
      { roles: ["bypasser"] },
      "role_not_allowed",
      /BYPASSRLS/,
    ],
    ["the platform's own role", { roles: ["service_role"] }, "role_not_allowed", /service_role/],
    ["a role that does not exist", { roles: ["nobody"] }, "role_not_allowed", /does not exist/],
    [
      "a default role that is not allowed",
      { roles: ["widgets_writer"], defaultRole: "widgets_reader" },
      "invalid_argument",
      /^Expected the default role/,
    ],
    ["a subject with * inside", { subjects: ["a*b"] }, "invalid_argument", /at its end/],
    ["a lifetime of two days", { maxTokenLifetime: 172_800 }, "invalid_argument", /1 day/],
    ["an exchange of 16 minutes", { maxExchangeLifetime: 960 }, "invalid_argument", /15 minutes/],
    ["an exchange of 59.5 s", { maxExchangeLifetime: 59.5 }, "invalid_argument", /whole number/],
    ["a lifetime of half a second", { maxTokenLifetime: 0.5 }, "invalid_argument", /whole number/],
    ["a cut-off in milliseconds", { rejectIssuedBefore: 1e16 }, "invalid_argument", /seconds/],
    ["a claim that is no name", { claims: [""] }, "invalid_argument", /names/],
  ] satisfies [string, PolicyFields, RegistryErrorCode, RegExp][]
) {
  eachWay(`registerPublicKey() and setPolicy() refuse ${what}, and change nothing`, async (s) => {
    await refused(code, register({ ...s, ...fields }), message);
    assert.equal((await listPublicKeys(s.target)).some(({ kid }) => kid === s.kid), false);

    await register({ ...s, roles: ["widgets_writer"] });
    const before = await getPolicy(s.target, s.issuer);
    await refused(code, setPolicy(s.target, s.issuer, fields), message);
    assert.deepEqual(await getPolicy(s.target, s.issuer), before);
  });
}

eachWay("setPolicy() sets every field, and takes each back", async (s) => {
  await register(s);
  const untouched = await getPolicy(s.target, s.issuer);
  const fields: Required<PolicyFields> = {
    roles: ["widgets_writer", "widgets_reader"],
    defaultRole: "widgets_reader",
    subjects: ["odd \"\\{},' subject", "job-*"],
    allowUserSubjects: true,
    claims: ["tenant", "email"],
    audiences: ["https://prod-abc123.supabase.co"],
    maxTokenLifetime: 3 * 3600,
    maxExchangeLifetime: 600,
    rejectIssuedBefore: 1_795_000_000,
    singleUse: true,
    mode: "observe",
    description: "Writes; invoices…",
  };
  await setPolicy(s.target, s.issuer, fields);
  assert.deepEqual(await getPolicy(s.target, s.issuer), { ...fields, refusedRoles: [] });

  await setPolicy(s.target, s.issuer, untouched);
  assert.deepEqual(await getPolicy(s.target, s.issuer), untouched);
});

eachWay("setPolicy() and getPolicy() refuse an issuer that is not registered", async (s) => {
  await refused("issuer_not_found", setPolicy(s.target, s.issuer, { singleUse: true }));
  await refused("issuer_not_found", getPolicy(s.target, s.issuer));
  await refused("invalid_argument", setPolicy(s.target, s.issuer, {}));
});

eachWay("getPolicy() names roles that have become unsafe", async (s) => {
  const role = `late_${crypto.randomUUID().slice(0, 8)}`;
  await sql.unsafe(`select countersign.create_writer_role('${role}')`);
  await register({ ...s, roles: [role, "widgets_writer"] });
  await sql.unsafe(`alter role ${role} bypassrls`);
  const { roles, refusedRoles } = await getPolicy(s.target, s.issuer);
  assert.deepEqual({ roles, refusedRoles }, {
    roles: [role, "widgets_writer"],
    refusedRoles: [role],
  });
  await sql.unsafe(`alter role ${role} nobypassrls`);
  assert.deepEqual((await getPolicy(s.target, s.issuer)).refusedRoles, []);
});
