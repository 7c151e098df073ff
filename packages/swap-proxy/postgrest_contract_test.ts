// What only PostgREST can decide: whether it takes our token, and what its refusals look like.
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import { memoryKeySource } from "@countersign/verifier";
import assert from "node:assert/strict";
import { createJwtSwapProxy } from "./create_jwt_swap_proxy.ts";
import { makeIssuer, SECRET } from "@countersign/fixture";
import { hs256Signer } from "./downstream/hs256_signer.ts";
import { jwkSigner } from "./downstream/jwk_signer.ts";
import type { ProxyOptions } from "./options/proxy_options.ts";

const KID = "4d1f3b2c-0000-4000-8000-000000000000";
const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
  "sign",
  "verify",
]);
const publicJwk = {
  ...await crypto.subtle.exportKey("jwk", pair.publicKey),
  kid: KID,
  alg: "ES256",
  key_ops: ["verify"],
};
const issuer = await makeIssuer("service-a", { allowedRoles: ["widgets_writer", "stranger"] });
const now = Math.floor(Date.now() / 1000);
const times = { iat: now, exp: now + 60 };

let target: LocalTarget;
Deno.test.beforeAll(async () => {
  target = await startLocalTarget({
    function: false,
    postgrest: { jwtSecret: JSON.stringify({ keys: [publicJwk] }) },
    sql: [
      "select countersign.create_writer_role('widgets_writer')",
      "create table public.widgets (id int primary key, name text)",
      "grant select, insert on public.widgets to widgets_writer",
      "create table public.secrets (id int)",
    ],
  });
});
Deno.test.afterAll(() => target.stop());

function handler(options: Partial<ProxyOptions> = {}) {
  return createJwtSwapProxy({
    supabaseUrl: target.url,
    apikey: target.publishableKey,
    supabaseJwtSecret: target.jwtSecret,
    keySource: memoryKeySource([issuer.record]),
    ...options,
  });
}

async function ask(path: string, options: Partial<ProxyOptions> = {}, init: RequestInit = {}) {
  const headers = { ...init.headers, authorization: `Bearer ${await issuer.sign(times)}` };
  return await handler(options)(new Request(`http://x/rest/v1${path}`, { ...init, headers }));
}

Deno.test("PostgREST takes a token of hs256Signer()", async () => {
  const response = await ask("/widgets", {}, {
    method: "POST",
    body: JSON.stringify({ id: 1, name: "naïve 鍵" }),
    headers: { "content-type": "application/json", prefer: "return=representation" },
  });
  assert.equal(response.status, 201);
  assert.deepEqual(await response.json(), [{ id: 1, name: "naïve 鍵" }]);
});

Deno.test("PostgREST takes a token of jwkSigner()", async () => {
  const jwk = { ...await crypto.subtle.exportKey("jwk", pair.privateKey), kid: KID };
  const response = await ask("/widgets?select=id&id=eq.1", { signer: jwkSigner(jwk) });
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), [{ id: 1 }]);
});

Deno.test("PostgREST's refusal of our signature or of our clock is our alarm, not the caller's fault", async () => {
  const past = Date.now() - 3_600_000;
  const old = await issuer.sign({ iat: past / 1000 | 0, exp: (past / 1000 | 0) + 60 });
  const wrongClock = handler({ now: () => past });
  const answers = [
    await ask("/widgets", { signer: hs256Signer(SECRET) }),
    await wrongClock(
      new Request("http://x/rest/v1/widgets", { headers: { authorization: `Bearer ${old}` } }),
    ),
  ];
  for (const response of answers) {
    assert.equal(response.status, 502);
    assert.equal((await response.json()).code, "downstream_token_rejected");
  }
});

Deno.test("PostgREST's other refusals come through byte for byte", async () => {
  const { role } = { role: "widgets_writer" };
  const token = await hs256Signer(target.jwtSecret).sign({ role, exp: now + 30 });
  for (const path of ["/secrets", "/nothing", "/rpc/nothing", "/widgets?id=eq.x", "/widgets?x=1"]) {
    const direct = await fetch(`${target.restUrl}${path}`, {
      headers: { apikey: target.publishableKey, authorization: `Bearer ${token}` },
    });
    const response = await ask(path);
    assert.ok(response.status >= 400, path);
    assert.equal(response.status, direct.status, path);
    assert.equal(await response.text(), await direct.text(), path);
  }
});
