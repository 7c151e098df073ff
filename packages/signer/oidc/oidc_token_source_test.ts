import assert from "node:assert/strict";
import { createTokenSource, SignerError } from "../mod.ts";

const START = 1_764_000_000;

function tokenOf(claims: object): string {
  const part = (value: object) => btoa(JSON.stringify(value)).replace(/=+$/, "");
  return `${part({ alg: "RS256" })}.${part(claims)}.c2ln`;
}

/** A platform that makes tokens of five minutes, and a clock. */
function platform(lifetime = 300) {
  const world = {
    seconds: START,
    asked: 0,
    failure: undefined as Error | undefined,
    oidc: async () => {
      world.asked++;
      await Promise.resolve();
      if (world.failure !== undefined) throw world.failure;
      return tokenOf({ iat: world.seconds, exp: world.seconds + lifetime, n: world.asked });
    },
    now: () => world.seconds * 1000,
  };
  return world;
}

const sourceOf = ({ oidc, now }: ReturnType<typeof platform>, reuse?: number) =>
  createTokenSource({ oidc, now, ...(reuse !== undefined && { reuse }) });

Deno.test("createTokenSource({ oidc }) hands out a token for 80 % of its life, and asks again in time", async () => {
  const world = platform();
  const source = sourceOf(world);
  const first = await source();
  world.seconds += 239;
  assert.equal(await source(), first);
  world.seconds += 1;
  assert.notEqual(await source(), first);
  assert.equal(world.asked, 2);
});

Deno.test("createTokenSource({ oidc }) asks once for all who wait", async () => {
  const world = platform();
  const source = sourceOf(world);
  const tokens = await Promise.all(Array.from({ length: 50 }, () => source()));
  assert.equal(new Set(tokens).size, 1);
  assert.equal(world.asked, 1);
});

Deno.test("createTokenSource({ oidc }) hands out no token with less than 30 seconds to live twice", async () => {
  const world = platform(100);
  const source = sourceOf(world, 0.9);
  await source();
  world.seconds += 69;
  await source();
  assert.equal(world.asked, 1);
  world.seconds += 1;
  await source();
  assert.equal(world.asked, 2);
  const old = createTokenSource({
    oidc: () => Promise.resolve(tokenOf({ iat: START - 290, exp: START + 10, n: Math.random() })),
    now: () => START * 1000,
  });
  assert.notEqual(await old(), await old());
});

Deno.test("createTokenSource({ oidc }) asks each time with reuse 0, and when the clock went backwards", async () => {
  const world = platform();
  const each = sourceOf(world, 0);
  assert.notEqual(await each(), await each());
  const source = sourceOf(world);
  const first = await source();
  world.seconds -= 10;
  assert.notEqual(await source(), first);
});

Deno.test("createTokenSource({ oidc }) does not keep a failure", async () => {
  const world = platform();
  const source = sourceOf(world);
  world.failure = new Error("down");
  await assert.rejects(source(), /down/);
  world.failure = undefined;
  await source();
  assert.equal(world.asked, 2);
});

Deno.test("createTokenSource({ oidc }) refuses what is no token, and repeats none of it", async () => {
  const answers = [
    "",
    "secret",
    "a.secret.c",
    "a.b",
    "a.b.c.d",
    `a.${btoa("null")}.c`,
    tokenOf({}),
    null,
  ];
  for (const answer of answers) {
    const source = createTokenSource({ oidc: () => Promise.resolve(answer as string) });
    await assert.rejects(source(), (error) => {
      assert.ok(error instanceof SignerError);
      assert.equal(error.code, "oidc_unavailable");
      assert.ok(!error.message.includes("secret") && error.cause === undefined);
      return true;
    });
  }
});

Deno.test("createTokenSource({ oidc }) refuses options that it does not know or cannot use", () => {
  const { oidc } = platform();
  const wrong: object[] = [
    { oidc: "token" },
    { oidc, audience: "x" },
    { oidc, privateKey: "x" },
    { oidc, reuse: 1 },
    { oidc, reuse: NaN },
  ];
  for (const options of wrong) {
    assert.throws(
      () => createTokenSource(options as { oidc: typeof oidc }),
      (error) => error instanceof TypeError || error instanceof RangeError,
    );
  }
});
