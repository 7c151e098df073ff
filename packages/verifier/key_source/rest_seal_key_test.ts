import assert from "node:assert/strict";
import type { KeySource } from "../mod.ts";
import { refused, Registry, sealKeyRow, SUPABASE_URL } from "../fixtures/rest_registry.ts";

const sealKeyOf = async (source: KeySource) => await source.sealKey?.();
/** Lets everything that is settled go on. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("sealKey() over REST asks for the newest key, and for no column it doesn't need", async () => {
  const registry = new Registry();
  assert.deepEqual(await sealKeyOf(registry.source()), sealKeyRow("seal"));
  const url = new URL(registry.requests[0]?.url ?? "");
  assert.equal(url.origin + url.pathname, `${SUPABASE_URL}/rest/v1/jwt_seal_keys`);
  assert.deepEqual(Object.fromEntries(url.searchParams), {
    select: "id,secret",
    order: "created_at.desc,id.asc",
    limit: "1",
  });
});

Deno.test("sealKey() over REST is read once for everybody, and from half its staleness on again", async () => {
  const registry = new Registry();
  const source = registry.source();
  const keys = await Promise.all(Array.from({ length: 50 }, () => sealKeyOf(source)));
  assert.equal(new Set(keys).size, 1);
  registry.milliseconds += 2_499;
  assert.equal(source.sealKey?.(), keys[0]);
  assert.equal(registry.requests.length, 1);

  registry.sealKeys.push(sealKeyRow("newer"));
  registry.milliseconds += 1;
  assert.equal(source.sealKey?.(), keys[0]);
  await turn();
  assert.deepEqual(source.sealKey?.(), sealKeyRow("newer"));
  assert.equal(registry.requests.length, 2);
});

Deno.test("sealKey() over REST outlives an outage for as long as the staleness, and no longer", async () => {
  const registry = new Registry();
  const source = registry.source();
  const key = await sealKeyOf(source);
  registry.answer = () => Promise.reject(new TypeError("gone"));
  registry.milliseconds += 4_999;
  assert.equal(source.sealKey?.(), key);
  await turn();
  registry.milliseconds += 1;
  await refused(() => sealKeyOf(source));
  const { length } = registry.requests;
  await refused(() => sealKeyOf(source));
  assert.equal(registry.requests.length, length, "a failure stands for a second");
  registry.answer = undefined;
  registry.milliseconds += 1_000;
  assert.equal(await sealKeyOf(source), key);
});

Deno.test("sealKey() over REST trusts no key from the future of a clock that was set back", async () => {
  const registry = new Registry();
  const source = registry.source();
  await sealKeyOf(source);
  registry.milliseconds -= 60_000;
  assert.ok(source.sealKey?.() instanceof Promise);
});

Deno.test("sealKey() over REST is undefined where the registry has none, for a second", async () => {
  const answers = [
    () => Response.json([]),
    () => Response.json({ code: "PGRST205" }, { status: 404 }),
  ];
  for (const answer of answers) {
    const registry = new Registry();
    registry.answer = answer;
    const source = registry.source();
    assert.equal(await sealKeyOf(source), undefined);
    assert.equal(await sealKeyOf(source), undefined);
    assert.equal(registry.requests.length, 1);
    registry.answer = undefined;
    registry.milliseconds += 1_000;
    assert.deepEqual(await sealKeyOf(source), sealKeyRow("seal"));
  }
});

Deno.test("sealKey() over REST is not held up by strangers' names", async () => {
  const registry = new Registry();
  const source = registry.source();
  const names = Array.from({ length: 200 }, (_, index) => source.find(`stranger-${index}`));
  const settled = Promise.allSettled(names);
  assert.deepEqual(await sealKeyOf(source), sealKeyRow("seal"));
  await settled;
});
