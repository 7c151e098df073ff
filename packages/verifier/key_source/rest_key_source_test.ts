import assert from "node:assert/strict";
import { restKeySource } from "../mod.ts";
import { refused, Registry, sealKeyRow, SECRET, SUPABASE_URL } from "../fixtures/rest_registry.ts";
import { keySourceContract } from "../testing.ts";

keySourceContract("restKeySource()", () => {
  const registry = new Registry();
  return {
    source: registry.source(),
    register: (issuer) => registry.put(issuer),
    change: (issuer) => registry.put(issuer, { max_token_lifetime: 10 }),
    deactivate: (issuer) => registry.put(issuer, { is_active: false }),
    registerProvider: (provider) => registry.putProvider(provider),
    deactivateProvider: (provider) => registry.putProvider(provider, { is_active: false }),
    rotateSealKey: () => void registry.sealKeys.push(sealKeyRow("a-longer-id")),
    settle: () => {
      registry.milliseconds += 5000;
    },
    cutOff: () => {
      registry.milliseconds += 5000;
      registry.answer = (request) => Promise.reject(new TypeError(`can't reach ${request.url}`));
    },
    dispose: () => {},
  };
});

Deno.test("restKeySource() keeps no provider in use waiting among unknown names", async () => {
  const provider = "https://ci.example.com";
  const registry = new Registry();
  registry.putProvider(provider);
  const source = registry.source();
  await source.find(provider);
  const record = await source.findProvider?.(provider);
  const asked = registry.requests.length;
  assert.equal(source.find(provider), undefined);
  registry.milliseconds += 60_000;
  assert.equal(source.find(provider), undefined, "not looked up as an issuer");
  assert.equal(await source.findProvider?.(provider), record);
  assert.equal(registry.requests.length, asked + 1);
});

Deno.test("restKeySource() knows no provider where the registry has no such view", async () => {
  const registry = new Registry();
  registry.answer = () => Response.json({ code: "PGRST205" }, { status: 404 });
  const source = registry.source();
  assert.equal(await source.findProvider?.("https://ci.example.com"), undefined);
  await assert.rejects(async () => await source.find("billing"), { code: "registry_unavailable" });
});

Deno.test("restKeySource() answers from memory while a record is fresh", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  const record = await source.find("billing");
  registry.milliseconds += 2499;
  assert.equal(source.find("billing"), record);
  assert.equal(registry.requests.length, 1);
});

Deno.test("restKeySource() reads again in the background from half its staleness on", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  await source.find("billing");
  registry.put("billing", { is_active: false });
  registry.milliseconds += 2500;
  const stale = source.find("billing");
  assert.ok(!(stale instanceof Promise) && stale?.isActive);
  while (registry.requests.length < 2) await Promise.resolve();
  let current = source.find("billing");
  for (let turn = 0; turn < 20 && !(current instanceof Promise) && current?.isActive; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    current = source.find("billing");
  }
  assert.ok(!(current instanceof Promise) && current?.isActive === false);
  assert.equal(registry.requests.length, 2);
});

Deno.test("restKeySource() never uses a record beyond its staleness", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  await source.find("billing");
  registry.put("billing", { is_active: false });
  registry.milliseconds += 5000;
  assert.equal((await source.find("billing"))?.isActive, false);
});

Deno.test("restKeySource() says how long a record is still good for", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  assert.equal(source.freshFor?.("billing"), 0);
  await source.find("billing");
  for (
    const [age, left] of [[0, 5_000], [1_999, 3_001], [4_999, 1], [5_000, 0], [-1, 0]] as const
  ) {
    registry.milliseconds += age;
    assert.equal(source.freshFor?.("billing"), left, `${age}`);
    registry.milliseconds -= age;
  }
});

Deno.test("restKeySource() counts staleness from when it asked, not from the answer", async () => {
  const registry = new Registry();
  registry.put("billing");
  registry.answer = () => {
    registry.milliseconds += 4000;
    return Response.json([registry.rows.get("billing")]);
  };
  const source = registry.source();
  await source.find("billing");
  registry.answer = undefined;
  registry.milliseconds += 1000;
  assert.ok(source.find("billing") instanceof Promise);
});

Deno.test("restKeySource() trusts no record from the future of a clock that was set back", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  await source.find("billing");
  registry.milliseconds -= 1;
  assert.ok(source.find("billing") instanceof Promise);
});

Deno.test("restKeySource() asks every time without staleness", async () => {
  const registry = new Registry();
  const source = registry.source({ maxStaleness: 0 });
  for (const issuer of ["billing", "billing", "shipping", "shipping"]) {
    if (issuer === "billing") registry.put(issuer);
    await source.find(issuer);
  }
  assert.equal(registry.requests.length, 4);
});

Deno.test("restKeySource() asks once for many callers at a time", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  const found = await Promise.all(Array.from({ length: 50 }, () => source.find("billing")));
  assert.equal(registry.requests.length, 1);
  assert.equal(new Set(found).size, 1);
});

Deno.test("restKeySource() repeats for a second that an issuer is unknown", async () => {
  const registry = new Registry();
  const source = registry.source();
  await source.find("billing");
  registry.put("billing");
  registry.milliseconds += 999;
  assert.equal(source.find("billing"), undefined);
  registry.milliseconds += 1;
  assert.equal((await source.find("billing"))?.issuer, "billing");
});

Deno.test("restKeySource() looks up a crowd of unknown names with few queries, and a newcomer among them", async () => {
  const registry = new Registry();
  const source = registry.source();
  registry.put("newcomer");
  const crowd = Array.from({ length: 3_000 }, (_, index) => `unknown-${index}`);
  const found = await Promise.all([...crowd, "newcomer"].map((name) => source.find(name)));
  assert.deepEqual(found.slice(0, -1), crowd.map(() => undefined));
  assert.equal(found.at(-1)?.issuer, "newcomer");
  assert.ok(registry.requests.length <= 25, `${registry.requests.length}`);
  assert.ok(registry.requests.every(({ url }) => url.length < 8_000));
});

Deno.test("restKeySource() answers a crowd and a newcomer alike, and keeps the newcomer a second at most", async () => {
  const registry = new Registry();
  const source = registry.source({ now: () => performance.now() });
  let flooding = true;
  let turnedAway = 0;
  const flood = (async () => {
    for (let index = 0; flooding; index++) {
      for (let each = 0; each < 30; each++) {
        const name = `${index}-${each}-${"x".repeat(100)}`;
        Promise.resolve(source.find(name)).catch(() => turnedAway++);
      }
      await new Promise((resolve) => setTimeout(resolve, 50)); // 600 names a second
    }
  })();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const waits: number[] = [];
  for (let newcomer = 0; newcomer < 5; newcomer++) {
    registry.put(`newcomer-${newcomer}`);
    const asked = performance.now();
    assert.equal((await source.find(`newcomer-${newcomer}`))?.isActive, true);
    waits.push(performance.now() - asked);
  }
  flooding = false;
  await flood;
  await source.find("the last batch");
  assert.ok(Math.max(...waits) < 1_000, `${waits}`);
  assert.equal(turnedAway, 0);
});

Deno.test("restKeySource() says that it is overloaded where more names wait than it holds", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  await source.find("billing");
  let release = () => {};
  const held = new Promise<void>((resolve) => release = resolve);
  registry.answer = async () => (await held, Response.json([]));
  const reasons: string[] = [];
  const crowd = Array.from({ length: 12_000 }, (_, index) => source.find(`name-${index}`));
  const all = Promise.all(
    crowd.map((answer) =>
      Promise.resolve(answer).catch((error) => void reasons.push(error.reason))
    ),
  );
  registry.answer = async () => (await held, Response.json([]));
  assert.ok(!(source.find("billing") instanceof Promise), "who is known does not pay for it");
  release();
  await all;
  assert.ok(reasons.length > 0 && reasons.length < 2_000);
  assert.ok(reasons.every((reason) => reason === "registry_overloaded"));
});

Deno.test("restKeySource() says whether the registry can be read however many names wait", async () => {
  const registry = new Registry();
  const source = registry.source();
  const crowd = Array.from(
    { length: 11_000 },
    (_, index) => Promise.resolve(source.find(`x-${index}`)),
  );
  const settled = Promise.allSettled(crowd);
  await source.check?.();
  await settled;
  for (const rows of [[], [{}], [null], ["1"], [{ version: "1" }, { version: "2" }], {}]) {
    registry.answer = () => Response.json(rows);
    await refused(async () => await source.check?.());
  }
  registry.answer = () => Response.json([], { status: 503 });
  await refused(async () => await source.check?.());
});

Deno.test("restKeySource() trusts no answer that has another issuer than it asked for", async () => {
  const registry = new Registry();
  for (const name of ["billing", "crm"]) registry.put(name);
  const wrong = [
    [registry.rows.get("billing"), registry.rows.get("billing")],
    [registry.rows.get("billing"), { ...registry.rows.get("crm"), issuer: "shipping" }],
    [registry.rows.get("billing"), { ...registry.rows.get("crm"), issuer: undefined }],
    [null, registry.rows.get("crm")],
  ];
  for (const rows of wrong) {
    const source = registry.source();
    let release = () => {};
    const held = new Promise<void>((resolve) => release = resolve);
    registry.answer = async ({ url }) =>
      url.includes("first") ? (await held, Response.json([])) : Response.json(rows);
    const first = source.find("first"); // Goes out by itself, and the two wait for the next query.
    const both = Promise.allSettled(["billing", "crm"].map((name) => source.find(name)));
    release();
    await first;
    for (const found of await both) {
      assert.equal(found.status === "rejected" && found.reason.code, "registry_unavailable");
    }
  }
});

Deno.test("restKeySource() remembers two thousand issuers at most, and forgets the oldest", async () => {
  const registry = new Registry();
  const source = registry.source({ maxStaleness: 3_600_000 });
  for (let index = 0; index <= 2_000; index++) {
    if (index % 50 === 0) registry.milliseconds += 1000;
    registry.put(`issuer-${index}`);
    await source.find(`issuer-${index}`);
  }
  assert.ok(!(source.find("issuer-1001") instanceof Promise));
  const forgotten = source.find("issuer-0");
  assert.ok(forgotten instanceof Promise);
  assert.equal((await forgotten)?.issuer, "issuer-0");
});

Deno.test("restKeySource() keeps known issuers while the registry is down, and no longer", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  const record = await source.find("billing");
  registry.answer = () => Response.json({ message: "down" }, { status: 503 });
  registry.milliseconds += 4999;
  assert.equal(source.find("billing"), record);
  await refused(() => source.find("shipping"));
  registry.milliseconds += 1;
  await refused(() => source.find("billing"));
});

Deno.test("restKeySource() drops a record whose row is gone", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  await source.find("billing");
  registry.rows.clear();
  registry.milliseconds += 2500;
  await source.find("billing");
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(await source.find("billing"), undefined);
});

Deno.test("restKeySource() drops a record whose row can't be read any more", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  await source.find("billing");
  registry.put("billing", { mode: "unheard-of" });
  registry.milliseconds += 2500;
  await source.find("billing");
  await new Promise((resolve) => setTimeout(resolve, 0));
  await refused(() => source.find("billing"));
});

Deno.test("restKeySource() asks a registry that is down once a second for a name", async () => {
  const registry = new Registry();
  registry.answer = () => Response.json({}, { status: 503 });
  const source = registry.source();
  await refused(() => source.find("billing"));
  await refused(() => source.find("billing"));
  assert.equal(registry.requests.length, 1);
  registry.milliseconds += 1000;
  registry.answer = undefined;
  registry.put("billing");
  assert.equal((await source.find("billing"))?.issuer, "billing");
});

Deno.test("restKeySource() asks once a second in the background while the registry is down", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  await source.find("billing");
  registry.answer = () => Response.json({}, { status: 503 });
  registry.milliseconds += 2500;
  for (let index = 0; index < 20; index++) {
    source.find("billing");
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assert.equal(registry.requests.length, 2);
});

Deno.test("restKeySource() rejects options that are a programmer's mistake", () => {
  const options = { supabaseUrl: SUPABASE_URL, serviceRoleKey: SECRET };
  for (
    const [changes, kind] of [
      [{ supabaseUrl: "ref" }, TypeError],
      [{ supabaseUrl: `${SUPABASE_URL}?x=1` }, TypeError],
      [{ supabaseUrl: `${SUPABASE_URL}#x` }, TypeError],
      [{ serviceRoleKey: " " }, TypeError],
      [{ serviceRoleKey: `${SECRET}\r\nx-evil: 1` }, TypeError],
      [{ maxStaleness: -1 }, RangeError],
      [{ maxStaleness: NaN }, RangeError],
      [{ maxStaleness: Infinity }, RangeError],
      [{ queryTimeout: 0 }, RangeError],
      [{ queryTimeout: 60_001 }, RangeError],
    ] as const
  ) {
    assert.throws(
      () => restKeySource({ ...options, ...changes }),
      (error) => error instanceof kind && !error.message.includes(SECRET),
    );
  }
});
