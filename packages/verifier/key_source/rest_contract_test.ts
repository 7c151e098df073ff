/** What the REST source asks, answered by the real PostgREST on the real view. */
import assert from "node:assert/strict";
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import postgres from "postgres";
import { makeKey, makeToken, NOW } from "../fixtures/tokens.ts";
import { restKeySource, verifyMultiIssuerJwt } from "../mod.ts";
import { keySourceContract, type KeySourceHarness } from "../testing.ts";

let target: LocalTarget;
Deno.test.beforeAll(async () => {
  target = await startLocalTarget({ function: false });
});
Deno.test.afterAll(() => target.stop());

async function registry(method: string, path: string, row?: object): Promise<void> {
  const response = await fetch(`${target.restUrl}/${path}`, {
    method,
    headers: { apikey: target.secretKey, "content-type": "application/json" },
    ...(row && { body: JSON.stringify(row) }),
  });
  assert.ok(response.ok, await response.text());
}

async function asOwner(statement: string): Promise<void> {
  const sql = postgres(target.databaseUrl, { max: 1, onnotice: () => {} });
  await sql.unsafe(statement).finally(() => sql.end());
}

const only = (issuer: string): string => `jwt_issuers?issuer=eq.${encodeURIComponent(issuer)}`;

async function register(issuer: string): Promise<void> {
  const { publicKey } = await makeKey("EdDSA");
  await registry("POST", "jwt_public_keys", { issuer, public_key: publicKey, algorithm: "EdDSA" });
}

async function forgetEverything(): Promise<void> {
  await registry("DELETE", "jwt_oidc_providers?issuer=not.is.null");
  await registry("DELETE", "jwt_public_keys?issuer=not.is.null");
  await registry("DELETE", "jwt_issuers?issuer=not.is.null");
}

function harness(serviceRoleKey: string): KeySourceHarness {
  let milliseconds = NOW * 1000;
  let reach = fetch;
  return {
    source: restKeySource({
      supabaseUrl: target.url,
      serviceRoleKey,
      fetch: (...request) => reach(...request),
      now: () => milliseconds,
    }),
    register,
    change: (issuer) => registry("PATCH", only(issuer), { max_token_lifetime: "10 seconds" }),
    deactivate: (issuer) => registry("PATCH", only(issuer), { is_active: false }),
    async registerProvider(provider) {
      await register("deployer");
      await registry("POST", "jwt_oidc_providers", { issuer: provider });
      await registry("POST", "jwt_federation_rules", {
        name: "deploy",
        provider,
        issuer: "deployer",
        audiences: ["https://ref.supabase.co"],
        conditions: { repository_id: "74" },
        subject: "gh:{repository_id}",
      });
    },
    deactivateProvider: (provider) =>
      registry("PATCH", `jwt_oidc_providers?issuer=eq.${encodeURIComponent(provider)}`, {
        is_active: false,
      }),
    rotateSealKey: () => asOwner("select countersign.rotate_seal()"),
    settle: () => {
      milliseconds += 5000;
    },
    cutOff: () => {
      milliseconds += 5000;
      reach = () => Promise.reject(new TypeError("Expected nobody to be reached"));
    },
    dispose: forgetEverything,
  };
}

keySourceContract("restKeySource() on PostgREST", () => harness(target.secretKey));
keySourceContract(
  "restKeySource() on PostgREST with the legacy key",
  () => harness(target.serviceRoleKey),
);

Deno.test("restKeySource() is refused the registry with the public key", async () => {
  const { source, dispose } = harness(target.publishableKey);
  const refused = { code: "registry_unavailable" };
  await assert.rejects(async () => await source.find("billing"), refused);
  await assert.rejects(async () => await source.sealKey?.(), refused);
  await assert.rejects(async () => await source.guardIsOn?.(), refused);
  await dispose();
});

Deno.test("restKeySource() knows whether the database says that the guard is on", async () => {
  const { source } = harness(target.secretKey);
  assert.equal(await source.guardIsOn?.(), false);
  await asOwner("select countersign.guard_enable()");
  assert.equal(await source.guardIsOn?.(), true);
  await asOwner("select countersign.guard_disable()");
});

Deno.test("restKeySource() knows a registry that holds no key to seal with", async () => {
  const { source } = harness(target.secretKey);
  await asOwner("delete from countersign.seal_keys where true");
  assert.equal(await source.sealKey?.(), undefined);
  await asOwner("select countersign.rotate_seal()");
});

Deno.test("verifyMultiIssuerJwt() verifies against the registry of a project", async () => {
  const key = await makeKey("ES256");
  await registry("POST", "jwt_public_keys", {
    issuer: "billing",
    public_key: key.publicKey,
    algorithm: "ES256",
  });
  await registry("PATCH", only("billing"), {
    allowed_roles: ["authenticated"],
    max_token_lifetime: "1 minute",
    reject_issued_before: new Date((NOW - 1) * 1000 + 500).toISOString(),
  });
  const options = {
    supabaseUrl: target.url,
    serviceRoleKey: target.secretKey,
    now: () => NOW * 1000,
  };
  const claims = { role: "authenticated" };
  const result = await verifyMultiIssuerJwt(await makeToken({ key, claims }), options);
  assert.equal(result.role, "authenticated");
  assert.equal(result.matchedKey.kid, key.kid);
  assert.equal(result.record.policy.rejectIssuedBefore, NOW);
  await assert.rejects(
    verifyMultiIssuerJwt(await makeToken({ key, claims: { ...claims, exp: NOW + 61 } }), options),
    { reason: "lifetime_too_long" },
  );
  await forgetEverything();
});
