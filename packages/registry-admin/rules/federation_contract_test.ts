import assert from "node:assert/strict";
import { eachWay, refused, sql, withTarget } from "../fixtures/every_way.ts";
import {
  activateProvider,
  activateRule,
  addProvider,
  addRule,
  auditLog,
  deactivateProvider,
  deactivateRule,
  listProviders,
  listRules,
  type PlannedRow,
  restoreProviderKey,
  revokeProviderKey,
  type RuleRegistration,
} from "../mod.ts";

withTarget();

const KID = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
const GITHUB = "https://token.actions.githubusercontent.com";

/** Names that no other test uses, and an issuer to act as. */
async function names() {
  const id = crypto.randomUUID();
  await sql`insert into jwt_issuers (issuer, allowed_roles) values (${id}, '{widgets_writer}')`;
  const provider = `https://${id}.example.com`;
  const rule: RuleRegistration = {
    name: `rule-${id}`,
    provider,
    issuer: id,
    audiences: ["ref"],
    conditions: { a: "b" },
    subject: "ci:{a}",
  };
  return { provider, rule };
}

eachWay("a provider is added, listed, deactivated and activated", async ({ target }) => {
  const { provider } = await names();
  const added = await addProvider(target, { issuer: provider });
  const { createdAt, updatedAt, ...rest } = added;
  assert.equal(createdAt, updatedAt);
  assert.deepEqual(rest, {
    issuer: provider,
    isActive: true,
    keysFrom: "discovery",
    jwksUri: null,
    jwks: null,
    algorithms: ["RS256"],
    allowPrivate: false,
    description: null,
    revokedKids: [],
  });
  const find = async () => (await listProviders(target)).find(({ issuer }) => issuer === provider);
  assert.deepEqual(await find(), added);
  await deactivateProvider(target, provider);
  assert.equal((await find())?.isActive, false);
  await activateProvider(target, provider);
  assert.equal((await find())?.isActive, true);
  await revokeProviderKey(target, { provider, kid: KID, description: "stolen" });
  await revokeProviderKey(target, { provider, kid: KID });
  assert.deepEqual((await find())?.revokedKids, [KID]);
  await restoreProviderKey(target, { provider, kid: KID });
  assert.deepEqual((await find())?.revokedKids, []);
  const log = await auditLog(target, { issuer: provider });
  assert.deepEqual(
    log.map(({ operation, table_name }) => `${operation} ${table_name}`).toSorted(),
    [
      "DELETE jwt_revoked_provider_keys",
      "INSERT jwt_oidc_providers",
      "INSERT jwt_revoked_provider_keys",
      "UPDATE jwt_oidc_providers",
      "UPDATE jwt_oidc_providers",
    ],
  );
});

eachWay("a provider's keys are at a URL, or in the registry", async ({ target }) => {
  const one = (await names()).provider;
  const jwksUri = `${one}/jwks`;
  const fetched = await addProvider(target, {
    issuer: one,
    keysFrom: "jwks_uri",
    jwksUri,
    algorithms: ["ES256", "EdDSA"],
    allowPrivate: true,
    description: "inside",
  });
  assert.deepEqual([fetched.jwksUri, fetched.algorithms, fetched.allowPrivate], [
    jwksUri,
    ["ES256", "EdDSA"],
    true,
  ]);
  const jwks = { keys: [{ kty: "OKP", crv: "Ed25519", x: "eA" }] };
  const inline = { issuer: (await names()).provider, keysFrom: "jwks" as const, jwks };
  assert.deepEqual((await addProvider(target, inline)).jwks, jwks);
});

eachWay("a rule is added, listed, deactivated and activated", async ({ target }) => {
  const { provider, rule } = await names();
  await addProvider(target, { issuer: provider });
  const added = await addRule(target, {
    ...rule,
    conditions: { "/kubernetes.io/namespace": ["prod", "stage-*"], n: 1, b: false },
    claims: { repo: "repository" },
    role: "widgets_writer",
    maxTokenLifetime: 5400,
    mode: "observe",
    description: "x",
  });
  assert.deepEqual(added.conditions, {
    "/kubernetes.io/namespace": ["prod", "stage-*"],
    n: 1,
    b: false,
  });
  assert.deepEqual(
    [added.claims, added.role, added.maxTokenLifetime, added.mode, added.isActive],
    [{ repo: "repository" }, "widgets_writer", 5400, "observe", true],
  );
  const find = async () => (await listRules(target)).find(({ name }) => name === rule.name);
  assert.deepEqual(await find(), added);
  await deactivateRule(target, rule.name);
  assert.equal((await find())?.isActive, false);
  await activateRule(target, rule.name);
  assert.equal((await find())?.isActive, true);
});

eachWay("what is wrong with a provider or a rule is said", async ({ target }) => {
  const { provider, rule } = await names();
  await refused("provider_not_found", addRule(target, rule), /listProviders/);
  await refused("provider_not_found", deactivateProvider(target, provider));
  await refused("provider_not_found", revokeProviderKey(target, { provider, kid: KID }));
  await refused("provider_not_found", restoreProviderKey(target, { provider, kid: KID }));
  await refused("rule_not_found", deactivateRule(target, rule.name));
  await refused("invalid_argument", addProvider(target, { issuer: "http://a.io" }), /https URL/);
  await refused(
    "conflict",
    addProvider(target, { issuer: rule.issuer.replace(/^/, "https://") })
      .then(() => addProvider(target, { issuer: `https://${rule.issuer}` })),
  );
  await addProvider(target, { issuer: provider });
  await refused("conflict", addProvider(target, { issuer: provider }));
  await refused("key_not_found", restoreProviderKey(target, { provider, kid: KID }));
  await refused(
    "invalid_argument",
    revokeProviderKey(target, { provider, kid: "x" }),
    /thumbprint/,
  );
  await refused("issuer_not_found", addRule(target, { ...rule, issuer: "nobody" }), /listIssuers/);
  await refused("role_not_allowed", addRule(target, { ...rule, role: "widgets_reader" }));
  await refused("invalid_argument", addRule(target, { ...rule, conditions: {} }), /1 to 32/);
  await refused("invalid_argument", addRule(target, { ...rule, subject: "{" }), /\{claim\}/);
  await refused("invalid_argument", addRule(target, { ...rule, claims: { sub: "x" } }));
  await refused("invalid_argument", addRule(target, { ...rule, name: "a b" }), /100 of/);
  await refused("invalid_argument", addRule(target, { ...rule, maxTokenLifetime: 1.5 }));
  await refused("invalid_argument", addRule(target, { ...rule, maxTokenLifetime: 86_401 }));
  await addRule(target, rule);
  await refused("conflict", addRule(target, rule));
});

eachWay("a rule for a provider that the world shares has to name an owner", async ({ target }) => {
  const { rule } = await names();
  const issuer = `${GITHUB}/${rule.issuer}`;
  await addProvider(target, { issuer });
  const shared = { ...rule, provider: issuer };
  await refused("invalid_argument", addRule(target, shared), /names no owner.*repository_id/);
  await addRule(target, { ...shared, conditions: { repository_id: "74" } });
});

eachWay(
  "a dry run of providers and rules reports what would be written, and writes nothing",
  async ({ target }) => {
    const { provider, rule } = await names();
    const rows: PlannedRow[] = [];
    const dry = { ...target, dryRun: (row: PlannedRow) => void rows.push(row) };
    const reported = () =>
      rows.splice(0).map(({ operation, table, issuer, kid, name }) =>
        [operation, table, issuer, kid, name] as const
      );
    await refused("provider_not_found", addRule(dry, rule));
    await addProvider(dry, { issuer: provider });
    assert.deepEqual(reported(), [["INSERT", "jwt_oidc_providers", provider, null, null]]);
    await addProvider(target, { issuer: provider });
    await refused("conflict", addProvider(dry, { issuer: provider }));
    await refused("issuer_not_found", addRule(dry, { ...rule, issuer: "nobody" }));
    assert.equal((await addRule(dry, rule)).maxTokenLifetime, 3600);
    assert.deepEqual(reported(), [
      ["INSERT", "jwt_federation_rules", rule.issuer, null, rule.name],
    ]);
    await refused("rule_not_found", deactivateRule(dry, rule.name));
    await deactivateProvider(dry, provider);
    assert.deepEqual(rows.splice(0).map(({ changed }) => changed), [["is_active"]]);
    await revokeProviderKey(dry, { provider, kid: KID });
    assert.deepEqual(reported(), [["INSERT", "jwt_revoked_provider_keys", provider, KID, null]]);
    await revokeProviderKey(target, { provider, kid: KID });
    await revokeProviderKey(dry, { provider, kid: KID });
    assert.deepEqual(reported(), []);
    await restoreProviderKey(dry, { provider, kid: KID });
    assert.deepEqual(reported(), [["DELETE", "jwt_revoked_provider_keys", provider, KID, null]]);
    const found = (await listProviders(target)).find(({ issuer }) => issuer === provider);
    assert.deepEqual([found?.isActive, found?.revokedKids], [true, [KID]]);
  },
);
