import assert from "node:assert/strict";
import { addProvider, addRule, federate, PROVIDER, THUMBPRINT } from "../fixtures/federation.ts";
import { refusal, RegistryDatabase, undone } from "../fixtures/registry_database.ts";

let registry: RegistryDatabase;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start();
});
Deno.test.afterAll(() => registry.stop());

Deno.test("jwt_federation_policies is what the proxy reads of a provider", async () => {
  await undone(registry.superuser, async (sql) => {
    await federate(sql, { claims: { repo: "repository" }, role: "widgets_writer" });
    await addRule(sql, {
      name: "Another",
      is_active: false,
      mode: "observe",
      max_token_lifetime: "90 seconds",
    });
    await addProvider(sql, "https://off.example.com", {
      keys_from: "jwks_uri",
      jwks_uri: "https://off.example.com/jwks",
      is_active: false,
      algorithms: ["ES256", "EdDSA"],
      allow_private: true,
    });
    await sql`insert into jwt_revoked_provider_keys (provider, kid) values (${PROVIDER}, ${THUMBPRINT})`;
    await sql`set local role countersign_reader`;
    const rule = {
      issuer: "deployer",
      audiences: ["https://ref.supabase.co"],
      conditions: { repository_id: "74" },
      subject: "ci:{repository_id}",
    };
    assert.deepEqual(
      [...await sql`select * from public.jwt_federation_policies order by provider`],
      [
        {
          provider: PROVIDER,
          is_active: true,
          keys_from: "discovery",
          jwks_uri: null,
          jwks: null,
          algorithms: ["RS256"],
          allow_private: false,
          rules: [
            {
              name: "Another",
              ...rule,
              claims: {},
              role: null,
              max_token_lifetime: 90,
              mode: "observe",
              is_active: false,
            },
            {
              name: "deploy",
              ...rule,
              claims: { repo: "repository" },
              role: "widgets_writer",
              max_token_lifetime: 3600,
              mode: "enforce",
              is_active: true,
            },
          ],
          revoked_kids: [THUMBPRINT],
        },
        {
          provider: "https://off.example.com",
          is_active: false,
          keys_from: "jwks_uri",
          jwks_uri: "https://off.example.com/jwks",
          jwks: null,
          algorithms: ["ES256", "EdDSA"],
          allow_private: true,
          rules: [],
          revoked_kids: [],
        },
      ],
    );
  });
});

Deno.test("jwt_federation_policies asks who reads it, whatever was granted", async () => {
  await registry.undone(async (sql) => {
    await federate(sql);
    await sql`grant select on all tables in schema public to anon`;
    await sql`set local role anon`;
    await assert.rejects(
      sql.savepoint((sql) => sql`select * from public.jwt_federation_policies`),
      refusal("42501"),
    );
  });
});
