import assert from "node:assert/strict";
import postgres from "postgres";
import {
  becomeRequest,
  register,
  RegistryDatabase,
  undone,
} from "../fixtures/registry_database.ts";
import { addRule, federate, federated, PROVIDER, THUMBPRINT } from "../fixtures/federation.ts";
import { type Claims, sealed } from "../fixtures/seal.ts";

let registry: RegistryDatabase;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start();
});
Deno.test.afterAll(() => registry.stop());

/** What the guard says to a request with these claims, and what is_live() does. */
async function judged(sql: postgres.TransactionSql, claims: Claims) {
  let guard = "passed";
  await sql.savepoint(async (sql) => {
    await becomeRequest(sql, { role: "widgets_writer", claims });
    await sql`select countersign.check_request()`;
  }).catch((reason) => {
    if (!(reason instanceof postgres.PostgresError) || reason.code !== "PGRST") throw reason;
    guard = `${JSON.parse(reason.message).code}: ${reason.hint}`;
  });
  await sql`reset role`;
  const text = JSON.stringify(sealed({ role: "widgets_writer", ...claims }));
  await sql`select set_config('request.jwt.claims', ${text}, true)`;
  const [row] = await sql<{ live: boolean }[]>`select countersign.is_live() as live`;
  return { guard, live: row?.live };
}

const OTHER_THUMBPRINT = THUMBPRINT.replace("N", "M");
const revoke = (kid: string) =>
  `insert into jwt_revoked_provider_keys (provider, kid) values ('${PROVIDER}', '${kid}')`;

/** [why, what makes it so, its twin, what the guard says] */
const REVOKED: readonly (readonly [string, string, string, RegExp])[] = [
  [
    "a rule that is not active",
    "update jwt_federation_rules set is_active = false where name = 'deploy'",
    "update jwt_federation_rules set is_active = false where name = 'another'",
    /^token_refused: Rule "deploy" of issuer "deployer" or its provider is not active$/,
  ],
  [
    "a rule that only observes",
    "update jwt_federation_rules set mode = 'observe' where name = 'deploy'",
    "update jwt_federation_rules set mode = 'observe' where name = 'another'",
    /^token_refused: Rule "deploy" of issuer "deployer" or its provider is not active$/,
  ],
  [
    "a provider that is not active",
    "update jwt_oidc_providers set is_active = false where issuer = 'https://ci.example.com'",
    "update jwt_oidc_providers set description = 'x' where issuer = 'https://ci.example.com'",
    /^token_refused: Rule "deploy" of issuer "deployer" or its provider is not active$/,
  ],
  [
    "an issuer that is not active",
    "update jwt_issuers set is_active = false where issuer = 'deployer'",
    "update jwt_issuers set is_active = false where issuer = 'billing'",
    /^token_refused: Issuer "deployer" is not active$/,
  ],
  [
    "a key of the provider that is revoked",
    revoke(THUMBPRINT),
    revoke(OTHER_THUMBPRINT),
    /^token_refused: Key "\S+" of the provider of rule "deploy" is revoked$/,
  ],
  [
    "a deleted rule",
    "delete from jwt_federation_rules where name = 'deploy'",
    "delete from jwt_federation_rules where name = 'another'",
    /^token_refused: Rule "deploy" is not registered for the issuer$/,
  ],
  [
    "a deleted provider",
    "delete from jwt_oidc_providers where issuer = 'https://ci.example.com'",
    "delete from jwt_issuers where issuer = 'billing'",
    /^token_refused: Rule "deploy" is not registered for the issuer$/,
  ],
  [
    "a deleted issuer",
    "delete from jwt_issuers where issuer = 'deployer'",
    "delete from jwt_issuers where issuer = 'billing'",
    /^token_refused: Issuer "deployer" is not registered$/,
  ],
  [
    "a cut-off",
    "update jwt_issuers set reject_issued_before = now() + interval '1 minute' where issuer = 'deployer'",
    "update jwt_issuers set reject_issued_before = now() - interval '1 minute' where issuer = 'deployer'",
    /^token_refused: Token of issuer "deployer" was issued before its cut-off$/,
  ],
  [
    "a role that the issuer has lost",
    "update jwt_issuers set allowed_roles = '{gadgets_writer}' where issuer = 'deployer'",
    "update jwt_issuers set allowed_roles = '{widgets_writer}' where issuer = 'deployer'",
    /^role_not_allowed/,
  ],
  [
    "a role that is not the rule's",
    "update jwt_federation_rules set role = 'gadgets_writer' where name = 'deploy'",
    "update jwt_federation_rules set role = 'widgets_writer' where name = 'deploy'",
    /^role_not_allowed/,
  ],
];
for (const [why, hostile, twin, said] of REVOKED) {
  Deno.test(`check_request() and is_live() refuse a federated token after ${why}`, async () => {
    for (const change of [hostile, twin]) {
      await undone(registry.superuser, async (sql) => {
        await federate(sql);
        await sql`update jwt_issuers set allowed_roles = '{widgets_writer,gadgets_writer}' where issuer = 'deployer'`;
        await addRule(sql, { name: "another" });
        await register(sql, "billing");
        assert.deepEqual(await judged(sql, federated()), { guard: "passed", live: true });
        await sql.unsafe(change);
        const { guard, live } = await judged(sql, federated());
        if (change === twin) assert.deepEqual({ guard, live }, { guard: "passed", live: true });
        else assert.match(guard, said);
        assert.equal(live, change === twin);
      });
    }
  });
}

/** [why, the mark's difference, the claims'] */
const FORGED: readonly (readonly [string, Claims, Claims])[] = [
  ["a rule that does not exist", { rule: "deploys" }, {}],
  ["a rule in capitals", { rule: "DEPLOY" }, {}],
  ["an empty rule", { rule: "" }, {}],
  ["a rule that is null", { rule: null }, {}],
  ["a rule that is a list", { rule: ["deploy"] }, {}],
  ["a rule that is an object", { rule: { name: "deploy" } }, {}],
  ["no rule", { rule: undefined }, {}],
  ["another issuer's rule", { rule: "other" }, {}],
  ["a registered issuer that the rule is not for", {}, { iss: "billing" }],
  ["the provider as issuer", {}, { iss: PROVIDER }],
  ["no key", { kid: undefined }, {}],
  ["an empty key", { kid: "" }, {}],
];
for (const [why, mark, claims] of FORGED) {
  Deno.test(`check_request() and is_live() refuse a federated token with ${why}`, async () => {
    await undone(registry.superuser, async (sql) => {
      await federate(sql);
      await register(sql, "billing");
      await addRule(sql, { name: "other", issuer: "billing" });
      const { guard, live } = await judged(sql, federated(mark, claims));
      assert.match(guard, /^token_refused: /);
      assert.equal(live, false);
      assert.deepEqual(await judged(sql, federated()), { guard: "passed", live: true });
    });
  });
}

Deno.test("a rule is never taken for a key, nor a key for a rule", async () => {
  await undone(registry.superuser, async (sql) => {
    await federate(sql);
    const kid = await register(sql, "billing");
    await addRule(sql, { name: "billing-rule", issuer: "billing" });
    const mark = (members: Claims) => federated(members, { iss: "billing" });
    assert.deepEqual(await judged(sql, mark({ kid, rule: undefined })), {
      guard: "passed",
      live: true,
    });
    assert.deepEqual(await judged(sql, mark({ rule: "billing-rule" })), {
      guard: "passed",
      live: true,
    });
    for (
      const forged of [
        mark({ kid: "rule:billing-rule", rule: undefined }),
        mark({ rule: undefined }),
        mark({ rule: kid }),
      ]
    ) {
      const { guard, live } = await judged(sql, forged);
      assert.match(guard, /^token_refused: /);
      assert.equal(live, false);
    }
    // A revoked key of the issuer's own says nothing about a provider's key with the same id.
    await sql`update jwt_public_keys set is_active = false where kid = ${kid}`;
    assert.deepEqual(await judged(sql, mark({ kid, rule: "billing-rule" })), {
      guard: "passed",
      live: true,
    });
    await sql.unsafe(revoke(kid));
    assert.equal((await judged(sql, mark({ kid, rule: "billing-rule" }))).live, false);
  });
});

Deno.test("check_request() takes a federated token of a single-use issuer once", async () => {
  await undone(registry.superuser, async (sql) => {
    await federate(sql);
    await sql`update jwt_issuers set single_use = true where issuer = 'deployer'`;
    await becomeRequest(sql, { role: "widgets_writer", claims: federated({ jti: "1" }) });
    await sql`select countersign.check_request()`;
    await assert.rejects(
      sql.savepoint((sql) => sql`select countersign.check_request()`),
      /token_already_used/,
    );
    await sql`reset role`;
    const [row] = await sql`
      select extract(epoch from expires_at - now())::int as seconds from countersign.used_tokens`;
    // An hour, the rule's, and not the issuer's five minutes.
    assert(row?.seconds > 3600 && row?.seconds <= 3900, row?.seconds);
  });
});

Deno.test("what is live is what the registry says after every change", async () => {
  await undone(registry.owner, async (sql) => {
    await federate(sql);
    await sql.unsafe(revoke(THUMBPRINT));
    await sql`update jwt_oidc_providers set is_active = false where issuer = ${PROVIDER}`;
    await sql`update jwt_oidc_providers set is_active = true where issuer = ${PROVIDER}`;
    const rows = await sql`
      select kid, key_is_active, allowed_roles, max_token_lifetime, revoked_kids
      from countersign.live where issuer = 'deployer' order by kid`;
    assert.deepEqual([...rows], [
      {
        kid: "",
        key_is_active: true,
        allowed_roles: ["widgets_writer"],
        max_token_lifetime: 300,
        revoked_kids: [],
      },
      {
        kid: "rule:deploy",
        key_is_active: true,
        allowed_roles: ["widgets_writer"],
        max_token_lifetime: 3600,
        revoked_kids: [THUMBPRINT],
      },
    ]);
    const stale = await sql`
      select from countersign.wanted_live(array['deployer']) w
      full join countersign.live l on l.issuer = w.issuer and l.kid = w.kid
      where coalesce(l.issuer, 'deployer') = 'deployer' and w is distinct from l`;
    assert.equal(stale.length, 0);
  });
});
