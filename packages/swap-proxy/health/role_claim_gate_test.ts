import assert from "node:assert/strict";
import type { RoleClaim } from "./probe_role_claim.ts";
import { RoleClaimGate } from "./role_claim_gate.ts";

const REFUSED = { code: "role_claim_ignored" };

function makeGate(first: RoleClaim | Error) {
  const state = { answer: first, asked: 0, now: 1_000_000 };
  const gate = new RoleClaimGate(async () => {
    state.asked++;
    await Promise.resolve();
    if (state.answer instanceof Error) throw state.answer;
    return state.answer;
  }, () => state.now);
  return { gate, state, pass: async () => await gate.pass() };
}

/** Lets what goes on in the background end. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("RoleClaimGate asks before the first request passes, once for everybody", async () => {
  const { gate, state, pass } = makeGate("ok");
  await Promise.all(Array.from({ length: 20 }, pass));
  assert.equal(gate.pass(), undefined);
  assert.equal(state.asked, 1);
});

Deno.test("RoleClaimGate lets nobody through to a PostgREST that reads the role elsewhere", async () => {
  const { gate, state, pass } = makeGate("wrong");
  await assert.rejects(pass, REFUSED);
  assert.throws(() => gate.pass(), REFUSED);
  assert.equal(state.asked, 1);

  // What cannot be found out does not make it right.
  for (const answer of ["unknown", new Error("gone")] as const) {
    state.answer = answer;
    state.now += 1_000;
    await assert.rejects(pass, REFUSED);
  }
  state.answer = "ok";
  assert.throws(() => gate.pass(), REFUSED);
  state.now += 1_000;
  await pass();
});

Deno.test("RoleClaimGate asks again in the background, and goes on with what it knows", async () => {
  const { gate, state, pass } = makeGate("ok");
  await pass();
  state.answer = "unknown";
  state.now += 300_000;
  assert.equal(gate.pass(), undefined);
  await turn();
  assert.equal(state.asked, 2);
  assert.equal(await gate.verdict(1), "ok");

  state.answer = "wrong";
  state.now += 299_999;
  assert.equal(gate.pass(), undefined);
  assert.equal(state.asked, 2);
  state.now += 1;
  assert.equal(gate.pass(), undefined);
  await turn();
  assert.throws(() => gate.pass(), REFUSED);
});

Deno.test("RoleClaimGate leaves it to the request where nothing can be found out, and asks again", async () => {
  for (const answer of ["unknown", new Error("gone")] as const) {
    const { gate, state, pass } = makeGate(answer);
    await pass();
    state.now += 4_999;
    assert.equal(gate.pass(), undefined);
    await turn();
    assert.equal(state.asked, 1);
    state.answer = "wrong";
    state.now += 1;
    assert.equal(gate.pass(), undefined);
    await turn();
    assert.throws(() => gate.pass(), REFUSED);
  }
});

Deno.test("RoleClaimGate trusts no verdict from the future of a clock that was set back", async () => {
  const { gate, state, pass } = makeGate("ok");
  await pass();
  state.now -= 60_000;
  gate.pass();
  await turn();
  assert.equal(state.asked, 2);
});

Deno.test("RoleClaimGate has each request ask for itself on Workers, and none in the background", async () => {
  const value = "Cloudflare-Workers";
  Object.defineProperty(navigator, "userAgent", { value, configurable: true });
  try {
    const { gate, state, pass } = makeGate("ok");
    await Promise.all([pass(), pass(), pass()]);
    assert.equal(state.asked, 3);
    assert.equal(gate.pass(), undefined);
    state.answer = "wrong";
    state.now += 300_000;
    await assert.rejects(pass, REFUSED);
    assert.equal(state.asked, 4);
  } finally {
    Reflect.deleteProperty(navigator, "userAgent");
  }
});
