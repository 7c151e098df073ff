import { makeIssuer, NOW_SEC } from "@countersign/fixture";
import type { KeySource } from "@countersign/verifier";
import assert from "node:assert/strict";
import { type Harness, harness, issuer } from "./fixtures/proxy_harness.ts";
import { fakeRegistry } from "./fixtures/registry.ts";
import { fakeUpstream } from "./fixtures/upstream.ts";
import { postgresKeySource } from "./registry/postgres_key_source.ts";

Deno.test("createJwtSwapProxy() tells who signed a token what is wrong with it, and nobody else", async () => {
  const proxy = harness();
  const milliseconds = { iat: NOW_SEC * 1000, exp: NOW_SEC * 1000 + 60 };
  const cases: readonly [Record<string, unknown>, RegExp, object][] = [
    [milliseconds, /"exp" in seconds .* milliseconds/, { claim: "exp" }],
    [{ role: ["widgets_writer"] }, /"role" to be a string, found an array/, { claim: "role" }],
    [{ role: "gadgets_writer" }, /"gadgets_writer"/, { claim: "role", role: "gadgets_writer" }],
    [{ scope: "all" }, /"scope" is protected/, { claim: "scope" }],
  ];
  const kid = issuer.record.keys[0]?.kid;
  for (const [claims, details, logged] of cases) {
    const response = await proxy.send(await issuer.sign(claims));
    assert.match((await response.json()).details, details);
    const event = proxy.events.at(-1);
    assert.ok(event?.type === "refused" && event.authenticated);
    const { claim, role, issuer: name, kid: key } = event;
    assert.deepEqual({ claim, role, name, key }, {
      claim: undefined,
      role: undefined,
      name: "service-a",
      key: kid,
      ...logged,
    });
  }
  const forged = (await issuer.sign({ scope: "all" })).slice(0, -8) + "AAAAAAAA";
  const response = await proxy.send(forged);
  assert.equal((await response.json()).details, null);
  const event = proxy.events.at(-1);
  assert.ok(event?.type === "refused" && !event.authenticated && event.claim === undefined);
});

Deno.test("createJwtSwapProxy() names the issuer and no alarm where its client breaks an upload off", async () => {
  const body = new ReadableStream({
    pull: (controller) => controller.error(new TypeError("reset")),
  });
  const upstream = fakeUpstream(async ({ init }) =>
    new Response(await new Response(init.body).text())
  );
  const proxy = harness({}, upstream);
  const response = await proxy.send(await issuer.sign(), { method: "POST", body });
  assert.equal(response.status, 499);
  const event = proxy.events.at(-1);
  assert.ok(event?.type === "refused" && !event.alarm && event.authenticated);
  assert.deepEqual([event.reason, event.issuer], ["client_closed", "service-a"]);
});

Deno.test("createJwtSwapProxy() says which of its tokens PostgREST refused, and what to look at", async () => {
  for (
    const [code, hint] of [["PGRST301", /signature/], ["PGRST302", /no token/], [
      "PGRST303",
      /clock/,
    ]] as const
  ) {
    const upstream = fakeUpstream(() => Response.json({ code }, { status: 401 }));
    const proxy = harness({}, upstream);
    const response = await proxy.send(await issuer.sign());
    assert.equal(response.status, 502);
    const event = proxy.events.at(-1);
    assert.ok(event?.type === "refused" && event.alarm);
    assert.deepEqual([event.upstreamCode, event.issuer], [code, "service-a"]);
    assert.match(event.hint ?? "", hint);
  }
});

Deno.test("createJwtSwapProxy() says what to correct where the database or PostgREST is not set up", async () => {
  const keySource: KeySource = { find: () => issuer.record, sealKey: () => undefined };
  // Whoever answers with a row did not look at the role, which does not exist.
  const anyone: typeof fetch = () =>
    Promise.resolve(Response.json([{}], { headers: { "content-range": "0-0/*" } }));
  const cases = [
    [{ keySource }, "seal_key_missing", 503, /apply the migrations/],
    [{ fetch: anyone }, "role_claim_ignored", 502, /jwt-role-claim-key/],
  ] as const;
  for (const [options, reason, status, hint] of cases) {
    const proxy = harness(options);
    const response = await proxy.send(await issuer.sign());
    assert.equal(response.status, status);
    assert.doesNotMatch(await response.text(), hint);
    const event = proxy.events.at(-1);
    assert.ok(event?.type === "refused" && event.alarm);
    assert.deepEqual([event.reason, event.issuer], [reason, "service-a"]);
    assert.match(event.hint ?? "", hint);
  }
});

const answerOf = async (proxy: Harness, token: string) => {
  const response = await proxy.send(token);
  const headers = [...response.headers].filter(([name]) => name !== "countersign-request-id");
  return JSON.stringify([response.status, headers, await response.text()]);
};

Deno.test("createJwtSwapProxy() answers alike for every name while the registry cannot be asked", async () => {
  const stranger = await makeIssuer("nobody-knows");
  const keySource: KeySource = {
    find: (name) =>
      name === "service-a" ? issuer.record : Promise.reject(new Error("too many names wait")),
  };
  const forged = (await issuer.sign()).slice(0, -8) + "AAAAAAAA";
  for (const first of [forged, await stranger.sign()]) {
    const proxy = harness({ keySource });
    const answer = await answerOf(proxy, first);
    assert.match(answer, /registry_unavailable/);
    assert.equal(await answerOf(proxy, await stranger.sign()), answer);
    assert.equal(await answerOf(proxy, forged), answer);
    const event = proxy.events.at(-1);
    assert.ok(event?.type === "refused");
    assert.deepEqual([event.reason, event.status], ["bad_signature", 503]);
    assert.equal((await proxy.send(await issuer.sign())).status, 200);
  }
});

Deno.test("createJwtSwapProxy() answers alike for every name in a crowd that fills the queue, over SQL", async () => {
  const registry = fakeRegistry();
  registry.put(issuer.record);
  const source = postgresKeySource(registry.client, { now: registry.now });
  const crowd = async () => {
    const waiting = Array.from({ length: 10_000 }, (_, n) => source.find(`made up ${n}`));
    return await Promise.allSettled(waiting);
  };
  const forged = (await issuer.sign()).slice(0, -8) + "AAAAAAAA";
  const stranger = await (await makeIssuer("nobody-knows")).sign();
  try {
    const answers: string[] = [];
    for (const token of [forged, stranger]) {
      const proxy = harness({ keySource: source });
      assert.equal((await proxy.send(await issuer.sign())).status, 200);
      const release = registry.hold();
      const crowded = crowd();
      answers.push(await answerOf(proxy, token));
      assert.equal((await proxy.send(await issuer.sign())).status, 200);
      release();
      await crowded;
    }
    assert.match(answers[0] ?? "", /registry_unavailable/);
    assert.equal(answers[1], answers[0]);
  } finally {
    await source.close();
  }
});
