import { makeIssuer } from "@countersign/fixture";
import { fakeRegistry } from "../fixtures/registry.ts";
import { postgresKeySource } from "./postgres_key_source.ts";

const { record } = await makeIssuer("template");

for (const size of [10, 1_000, 10_000]) {
  const registry = fakeRegistry();
  const names = Array.from({ length: size }, (_, i) => `service-${i}`);
  for (const issuer of names) registry.put({ ...record, issuer });
  const source = postgresKeySource(registry.client, {
    now: registry.now,
    maxIssuers: 2 * size,
  });
  for (let i = 0; i < size; i += 500) {
    registry.time += 1_000;
    await Promise.all(names.slice(i, i + 500).map((name) => source.find(name)));
  }
  let next = 0;
  Deno.bench(`a known issuer among ${size}`, { group: "find", baseline: size === 10 }, () => {
    source.find(names[next++ % size] ?? "");
  });
}
