/** When keys are fetched, and how long they serve, on a clock that stands still. Real servers are in `https_test.ts`. */
import assert from "node:assert/strict";
import { jwkOf, thumbprintOf } from "@countersign/fixture/federation";
import { keyOf } from "../fixtures/tokens.ts";
import {
  JwtVerificationError,
  type ProviderKey,
  type ProviderRecord,
  type ProviderState,
  remoteProviderKeys,
} from "../mod.ts";

const PROVIDER = "https://ci.example.com";
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const first = { ...jwkOf(await keyOf("ES256")), kid: "first" };
const second = { ...jwkOf(await keyOf("EdDSA")), kid: "second" };

const record: ProviderRecord = {
  provider: PROVIDER,
  isActive: true,
  keysFrom: "jwks_uri",
  jwksUri: `${PROVIDER}/jwks`,
  jwks: null,
  algorithms: ["ES256"],
  allowPrivate: false,
  rules: [],
  revokedKids: [],
};

/** A provider behind `fetch`, with a clock. */
function scene(headers: Record<string, string> = {}) {
  const world = {
    now: 1_800_000_000_000,
    asked: [] as string[],
    keys: [first] as unknown[],
    isDown: false,
    addresses: ["203.0.113.7"] as readonly string[] | undefined,
    resolved: [] as string[],
    told: [] as ProviderState[],
    hold: undefined as Promise<void> | undefined,
  };
  const keys = remoteProviderKeys({
    now: () => world.now,
    resolve: (hostname) => {
      world.resolved.push(hostname);
      return Promise.resolve(world.addresses);
    },
    onState: (state) => {
      world.told.push(state);
      throw new Error("an observer decides nothing");
    },
    fetch: async (input) => {
      world.asked.push(String(input));
      await world.hold;
      if (world.isDown) throw new TypeError("connection refused");
      return Response.json({ keys: world.keys }, { headers });
    },
  });
  return Object.assign(world, {
    source: keys,
    kids: async (kid?: string, of = record) => {
      const found: readonly ProviderKey[] = await keys.find(of, kid);
      return found.map(({ providerKid }) => providerKid);
    },
    unavailable: async (kid?: string, of = record) => {
      await assert.rejects(async () => await keys.find(of, kid), (error) => {
        assert.ok(error instanceof JwtVerificationError);
        assert.equal(error.reason, "provider_unavailable");
        assert.equal(error.issuer, PROVIDER);
        return true;
      });
    },
  });
}

Deno.test("remoteProviderKeys() fetches once for all who wait, and then answers at once", async () => {
  const world = scene();
  const release = Promise.withResolvers<void>();
  world.hold = release.promise;
  const waiting = Array.from({ length: 200 }, (_, index) => world.kids(`kid-${index}`));
  release.resolve();
  for (const kids of await Promise.all(waiting)) assert.deepEqual(kids, ["first"]);
  assert.equal(world.asked.length, 1);
  const again = world.source.find(record, "first");
  assert.ok(Array.isArray(again));
  assert.equal(
    again,
    world.source.find({ ...record, rules: [] }, "first"),
    "another record, same place",
  );
  assert.equal(again[0]?.thumbprint, thumbprintOf(first));
});

Deno.test("remoteProviderKeys() asks again for an unknown kid every 30 seconds, whatever arrives", async () => {
  const world = scene();
  await world.kids("first");
  world.keys = [first, second];
  for (let flood = 0; flood < 1000; flood++) await world.kids(`junk-${flood}`);
  assert.equal(world.asked.length, 1);
  world.now += 30 * SECOND;
  assert.deepEqual(await world.kids("second"), ["first", "second"]);
  for (let flood = 0; flood < 1000; flood++) await world.kids(`junk-${flood}`);
  assert.equal(world.asked.length, 2);
});

Deno.test("remoteProviderKeys() keeps keys for as long as the answer says, within its bounds", async () => {
  const lifetimes: [Record<string, string>, number][] = [
    [{}, 5 * MINUTE],
    [{ "cache-control": "no-store" }, 5 * MINUTE],
    [{ "cache-control": "max-age=1" }, 5 * MINUTE],
    [{ "cache-control": "public, max-age=3600" }, HOUR],
    [{ "cache-control": "max-age=3600", age: "1800" }, HOUR / 2],
    [{ "cache-control": "s-maxage=1, max-age=900" }, 15 * MINUTE],
    [{ "cache-control": "max-age=99999999999" }, 24 * HOUR],
    [{ "cache-control": "max-age=999999999" }, 24 * HOUR],
    [{ "cache-control": "max-age=-5" }, 5 * MINUTE],
  ];
  for (const [headers, lifetime] of lifetimes) {
    const world = scene(headers);
    await world.kids("first");
    world.now += 0.79 * lifetime;
    await world.kids("first");
    assert.equal(world.asked.length, 1, JSON.stringify(headers));
    world.isDown = true;
    world.now += 0.22 * lifetime;
    await world.kids("first");
    assert.equal(world.source.states?.()[0]?.state, "stale", JSON.stringify(headers));
  }
});

Deno.test("remoteProviderKeys() reads keys again in the background before their life ends", async () => {
  const world = scene();
  await world.kids("first");
  world.keys = [second];
  world.now += 4.5 * MINUTE;
  assert.deepEqual(await world.kids("first"), ["first"]);
  while (world.source.states?.()[0]?.age !== 0) await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(await world.kids("second"), ["second"]);
  assert.equal(world.asked.length, 2);
});

Deno.test("remoteProviderKeys() lets the last keys serve for an hour, and then nothing", async () => {
  const world = scene();
  await world.kids("first");
  world.isDown = true;
  world.now += 5 * MINUTE;
  assert.deepEqual(await world.kids("first"), ["first"]);
  world.now += HOUR - 1;
  assert.deepEqual(await world.kids("first"), ["first"]);
  world.now += 1;
  await world.unavailable("first");
  world.now += MINUTE;
  world.isDown = false;
  assert.deepEqual(await world.kids("first"), ["first"]);
  assert.deepEqual(world.told.map(({ state }) => state), ["stale", "ok"]);
});

Deno.test("remoteProviderKeys() leaves a provider that is down alone for a while", async () => {
  const world = scene();
  world.isDown = true;
  await world.unavailable();
  for (let tries = 0; tries < 100; tries++) await world.unavailable(`kid-${tries}`);
  assert.equal(world.asked.length, 1);
  world.now += SECOND;
  await world.unavailable();
  world.now += SECOND;
  await world.unavailable();
  assert.equal(world.asked.length, 2);
  for (let hours = 0; hours < 100; hours++) {
    world.now += 30 * SECOND;
    await world.unavailable();
  }
  assert.equal(world.asked.length, 102, "never longer than 30 seconds");
  assert.deepEqual(world.told.map(({ state, failure }) => [state, failure]), [
    ["unavailable", "The provider cannot be reached"],
  ]);
});

Deno.test("remoteProviderKeys() asks no private address, by name or by what the name resolves to", async () => {
  for (
    const jwksUri of [
      "https://127.0.0.1/jwks",
      "https://[::1]/",
      "https://localhost/",
      "https://db/",
    ]
  ) {
    const world = scene();
    await world.unavailable(undefined, { ...record, jwksUri });
    assert.deepEqual([world.asked, world.resolved], [[], []], jwksUri);
    const allowed = scene();
    await allowed.kids(undefined, { ...record, jwksUri, allowPrivate: true });
    assert.deepEqual([allowed.asked, allowed.resolved], [[jwksUri], []]);
  }
  for (const addresses of [["10.0.0.1"], ["203.0.113.7", "127.0.0.1"], ["::1"], []]) {
    const world = scene();
    world.addresses = addresses;
    await world.unavailable();
    assert.deepEqual(world.asked, []);
    assert.deepEqual(world.resolved, ["ci.example.com"]);
  }
});

Deno.test("remoteProviderKeys() asks where a runtime cannot resolve names, and not where a name cannot be", async () => {
  const world = scene();
  world.addresses = undefined;
  await world.kids();
  const broken = remoteProviderKeys({
    resolve: () => Promise.reject(new Error("SERVFAIL")),
    fetch: () => assert.fail("Nothing is asked"),
  });
  await assert.rejects(async () => await broken.find(record, undefined), {
    reason: "provider_unavailable",
  });
});

Deno.test("remoteProviderKeys() asks nothing but https, without credentials", async () => {
  for (
    const jwksUri of [
      "http://ci.example.com/jwks",
      "https://user:password@ci.example.com/jwks",
      "https://user@ci.example.com/jwks",
      "https://ci.example.com/jwks#x",
      "file:///etc/passwd",
      "data:application/json,{}",
      "//ci.example.com",
      "",
    ]
  ) {
    const world = scene();
    await world.unavailable(undefined, { ...record, jwksUri });
    assert.deepEqual(world.asked, [], jwksUri);
  }
  const world = scene();
  await world.unavailable(undefined, { ...record, jwksUri: null });
});

Deno.test("remoteProviderKeys() fetches nothing for keys that are part of the row", async () => {
  const world = scene();
  const inline = { ...record, keysFrom: "jwks", jwksUri: null, jwks: { keys: [second] } } as const;
  assert.deepEqual(await world.kids("x", inline), ["second"]);
  world.now += 30 * 24 * HOUR;
  assert.deepEqual(await world.kids("x", inline), ["second"]);
  assert.deepEqual(world.asked, []);
  await world.unavailable("x", { ...inline, jwks: "no key set" });
});

Deno.test("remoteProviderKeys() shows the state of every provider that was asked for", async () => {
  const world = scene();
  world.keys = [first, { kty: "oct", k: "AAAA" }];
  assert.deepEqual(world.source.states?.(), []);
  await world.kids("first");
  world.now += SECOND;
  assert.deepEqual(world.source.states?.(), [
    { provider: PROVIDER, state: "ok", keys: 1, refusedKeys: 1, age: SECOND },
  ]);
});

Deno.test("remoteProviderKeys() refuses an option that it does not know", () => {
  assert.throws(() => remoteProviderKeys({ fetchh: fetch } as object), /"fetchh"/);
});
