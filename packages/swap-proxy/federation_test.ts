/** A provider's token through the handler: mark, header, events and readiness. */
import assert from "node:assert/strict";
import { makeIssuer, NOW_SEC, payloadOf, SEAL_KEY } from "@countersign/fixture";
import { makeProvider, makeRule, thumbprintOf } from "@countersign/fixture/federation";
import { type FederationRule, memoryKeySource, type ProviderRecord } from "@countersign/verifier";
import { assertRefused, harness } from "./fixtures/proxy_harness.ts";

const AUDIENCE = "https://ref.supabase.co";
const PROVIDER = "https://ci.example.com";
const deployer = await makeIssuer("deployer");
const provider = await makeProvider(PROVIDER, {
  claims: { aud: AUDIENCE, repository_id: "74", role: "service_role", email: "a@b.example" },
  now: () => NOW_SEC,
});
const token = provider.forge.token({ claims: { jti: "j" } });

function proxy(rules: readonly FederationRule[], record: Partial<ProviderRecord> = {}) {
  return harness({
    keySource: memoryKeySource([deployer.record], {
      sealKey: SEAL_KEY,
      providers: [{ ...provider.record, rules, ...record }],
    }),
  });
}

function forwarded({ upstream }: ReturnType<typeof harness>) {
  const headers = upstream.seen.at(-1)?.headers;
  return payloadOf(headers?.get("authorization")?.slice("Bearer ".length) ?? "");
}

Deno.test("a provider's token goes downstream as its rule's issuer, with the rule in the mark", async () => {
  const target = proxy([makeRule()]);
  const response = await target.send(token);
  assert.equal(response.status, 200);
  const { countersign, ...claims } = forwarded(target);
  assert.deepEqual(claims, {
    iss: "deployer",
    sub: "gh:74",
    aud: AUDIENCE,
    role: "widgets_writer",
    jti: "j",
    exp: NOW_SEC + 30,
  });
  const { seal, ...mark } = countersign as Record<string, unknown>;
  assert.deepEqual(mark, {
    kid: thumbprintOf(provider.jwk),
    jti: "j",
    iat: NOW_SEC,
    rule: "deploy",
  });
  assert.match(String(seal), /^seal-1\./);
  assert.deepEqual(target.events, []);
});

Deno.test("Countersign-Rule names the rule, which then has to match", async () => {
  const rules = [makeRule(), makeRule({ name: "other", subject: "o:{repository_id}" })];
  const target = proxy(rules);
  await assertRefused(target, await target.send(token), "ambiguous_rule");
  for (const [name, sub] of [["deploy", "gh:74"], ["other", "o:74"], ["deploy", "gh:74"]]) {
    const response = await target.send(token, { headers: { "Countersign-Rule": name! } });
    assert.equal(response.status, 200);
    assert.equal(forwarded(target)["sub"], sub);
    assert.equal(target.upstream.seen.at(-1)?.headers.has("countersign-rule"), false);
  }
  for (const name of ["", "nothing", "deploy, other", "Deploy", "__proto__"]) {
    const refusing = proxy(rules);
    const response = await refusing.send(token, { headers: { "Countersign-Rule": name } });
    await assertRefused(refusing, response, "rule_not_matched");
  }
});

Deno.test("the log of a refused provider's token names provider, key and observing rules", async () => {
  const target = proxy([makeRule({ mode: "observe" })]);
  await assertRefused(target, await target.send(token), "rule_not_matched");
  const [event] = target.events;
  assert.ok(event?.type === "refused");
  assert.deepEqual(
    [event.issuer, event.kid, event.authenticated, event.observedRules],
    [PROVIDER, thumbprintOf(provider.jwk), true, ["deploy"]],
  );
  const mapped = proxy([makeRule({ claims: { email: "email" } })]);
  await assertRefused(mapped, await mapped.send(token), "claim_not_allowed");
  const refusal = mapped.events[0];
  assert.ok(refusal?.type === "refused");
  assert.deepEqual([refusal.issuer, refusal.rule, refusal.claim], ["deployer", "deploy", "email"]);
});

Deno.test("a rule on trial is reported beside the one that lets the token in", async () => {
  const target = proxy([makeRule(), makeRule({ name: "trial", mode: "observe" })]);
  assert.equal((await target.send(token)).status, 200);
  const [event] = target.events;
  assert.ok(event?.type === "observed");
  assert.deepEqual(
    [event.issuer, event.rule, event.observedRules, event.refusals],
    ["deployer", "deploy", ["trial"], []],
  );
});

Deno.test("a provider that is down is told once, and harms nobody else", async () => {
  const target = proxy([makeRule()], { keysFrom: "jwks_uri", jwksUri: "https://127.0.0.1/jwks" });
  for (let tries = 0; tries < 3; tries++) {
    await assertRefused(target, await target.send(token), "provider_unavailable");
  }
  assert.deepEqual(target.events.filter(({ type }) => type === "provider"), [{
    type: "provider",
    provider: PROVIDER,
    state: "unavailable",
    keys: 0,
    refusedKeys: 0,
    failure: 'Expected a public address; set "allow_private" for a provider inside this network',
  }]);
  assert.equal((await target.send(await deployer.sign())).status, 200);
  const readyz = await target.send(undefined, {}, "/rest/v1/-/readyz");
  const { checks } = await readyz.json();
  assert.deepEqual(checks.providers, { [PROVIDER]: "unavailable" });
});

Deno.test("readyz names no provider that nobody asked for", async () => {
  const target = proxy([makeRule()]);
  const before = await (await target.send(undefined, {}, "/rest/v1/-/readyz")).json();
  assert.equal(before.checks.providers, undefined);
});

Deno.test("strangers are answered alike while a provider is down", async () => {
  const target = proxy([makeRule()], { keysFrom: "jwks_uri", jwksUri: "https://127.0.0.1/jwks" });
  const down = await (await target.send(token)).text();
  const unknown = await target.send(provider.forge.token({ claims: { iss: "https://x.example" } }));
  assert.deepEqual([unknown.status, await unknown.text()], [503, down]);
});
