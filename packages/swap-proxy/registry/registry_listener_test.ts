import assert from "node:assert/strict";
import type { PostgresClient } from "@countersign/postgres";
import { RegistryListener } from "./registry_listener.ts";

type Listen = NonNullable<PostgresClient["listen"]>;

function listenerOf(listen?: Listen) {
  const seen: string[] = [];
  const client = {
    query: () => Promise.resolve([]),
    end: () => Promise.resolve(),
    ...(listen && { listen }),
  };
  const listener = new RegistryListener(client, {
    onChange: (issuer) => void seen.push(issuer),
    onListening: () => void seen.push("listening"),
  });
  return { listener, seen };
}

Deno.test("RegistryListener reports what the registry's own channel says", async () => {
  let stopped = 0;
  const channels: string[] = [];
  const { listener, seen } = listenerOf((channel, onNotify, onListening) => {
    channels.push(channel);
    onListening();
    onNotify("billing");
    return Promise.resolve({ stop: () => Promise.resolve(void stopped++) });
  });
  listener.start();
  listener.start();
  await listener.close();
  assert.deepEqual([channels, seen, stopped], [
    ["countersign_registry"],
    ["listening", "billing"],
    1,
  ]);
});

Deno.test("RegistryListener tries again after a failure, and never after its end", async () => {
  let attempts = 0;
  const { listener } = listenerOf(() => {
    attempts++;
    return Promise.reject(new Error("no database"));
  });
  listener.start();
  await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve));
  listener.start();
  assert.equal(attempts, 2);
  await listener.close();
  listener.start();
  assert.equal(attempts, 2);
});

Deno.test("RegistryListener does nothing with a client that can't listen", async () => {
  const { listener, seen } = listenerOf();
  listener.start();
  await listener.close();
  assert.deepEqual(seen, []);
});
