// What only PostgREST can decide: whether it takes our token, and what its refusals look like.
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import { memoryKeySource } from "@countersign/verifier";
import assert from "node:assert/strict";
import { createJwtSwapProxy } from "./create_jwt_swap_proxy.ts";
import { makeIssuer, SECRET } from "@countersign/fixture";
import { hs256Signer } from "./downstream/hs256_signer.ts";
import { jwkSigner } from "./downstream/jwk_signer.ts";
import type { SwapEvent } from "./events/swap_event.ts";
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
      `create function public.write_with_status(status int) returns void language plpgsql as $$
      begin
        insert into public.widgets values (status, 'written');
        perform set_config('response.status', status::text, true);
      end $$`,
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

Deno.test("PostgREST passes on a status that no response can have, and the proxy says so instead of failing", async () => {
  const events: SwapEvent[] = [];
  const options = {
    upstreamUrl: target.postgrestUrl,
    onEvent: (event: SwapEvent) => events.push(event),
  };
  const call = (status: number) =>
    ask("/rpc/write_with_status", options, {
      method: "POST",
      body: JSON.stringify({ status }),
      headers: { "content-type": "application/json" },
    });
  const response = await call(600);
  assert.equal(response.status, 502);
  assert.equal((await response.json()).code, "upstream_invalid");
  const event = events.at(-1);
  assert.ok(event?.type === "refused" && !event.alarm && event.issuer === "service-a");
  assert.equal((await call(299)).status, 299);
  // The write took place, which the answer leaves open.
  assert.equal((await (await ask("/widgets?id=eq.600&select=id")).json()).length, 1);
});
