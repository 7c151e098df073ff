import assert from "node:assert/strict";
import { makeIssuer, SEAL_KEY } from "@countersign/fixture";
import { fakeRegistry } from "../fixtures/registry.ts";
import { postgresKeySource } from "./postgres_key_source.ts";

const { record } = await makeIssuer("service-a");

function withSource(options: { listen?: boolean } = {}) {
  const registry = fakeRegistry(options);
  registry.put(record);
  const source = postgresKeySource(registry.client, { now: registry.now });
  return { registry, source, [Symbol.asyncDispose]: () => source.close() };
}

Deno.test("postgresKeySource() reads the seal's key together with the issuer", async () => {
  await using opened = withSource();
  const { registry, source } = opened;
  assert.throws(() => source.sealKey(), { code: "registry_unavailable" });
  await source.find("service-a");
  const key = source.sealKey();
  assert.deepEqual(key, SEAL_KEY);
  assert.equal(registry.queries.length, 1);

  registry.touch();
  registry.time += 5_001;
  await source.find("service-a");
  assert.equal(source.sealKey(), key, "the same object while it is the same key");
});

Deno.test("postgresKeySource() reads a rotated key before it answers again", async () => {
  for (const listen of [true, false]) {
    await using opened = withSource({ listen });
    const { registry, source } = opened;
    await source.find("service-a");
    registry.rotateSealKey();
    if (listen) registry.notify("");
    else registry.time += 5_001;
    await source.find("service-a");
    assert.deepEqual(source.sealKey(), registry.sealKey);
  }
});

Deno.test("postgresKeySource() goes on with the key that it has until it hears of another", async () => {
  await using opened = withSource();
  const { registry, source } = opened;
  await source.find("service-a");
  registry.rotateSealKey();
  registry.time += 2_000;
  assert.equal(source.find("service-a"), await source.find("service-a"));
  assert.deepEqual(source.sealKey(), SEAL_KEY);
});

Deno.test("postgresKeySource() knows a registry that holds no key to seal with", async () => {
  await using opened = withSource();
  const { registry, source } = opened;
  registry.sealKey = undefined;
  assert.deepEqual(await source.find("service-a"), record);
  assert.equal(source.sealKey(), undefined);
});

Deno.test("postgresKeySource() can't say anything where the key can't be read", async () => {
  await using opened = withSource();
  const { registry, source } = opened;
  registry.sealKey = { id: "seal", secret: "too short" };
  await assert.rejects(async () => await source.find("service-a"), {
    code: "registry_unavailable",
  });
});
