import assert from "node:assert/strict";
import type { PostgresClient } from "./postgres_client.ts";
import { RegistryListener } from "./registry_listener.ts";

function harness() {
  const state = { time: 0, listens: 0, notify: (_issuer: string) => {} };
  const client: PostgresClient = {
    query: () => Promise.resolve([]),
    listen: (_channel, onNotify) => {
      state.listens++;
      state.notify = onNotify;
      return Promise.resolve({ stop: () => Promise.resolve() });
    },
    end: () => Promise.resolve(),
  };
  const handlers = { onChange: () => {}, onListening: () => {} };
  const listener = new RegistryListener(client, handlers, () => state.time);
  let before = 0;
  return {
    state,
    close: () => listener.close(),
    async polled(at: number, changed: boolean) {
      state.time = at;
      listener.polled(changed, before, at);
      before = at;
      await new Promise((resolve) => setTimeout(resolve));
    },
  };
}

Deno.test("RegistryListener listens anew for a change that an announced one came shortly before", async () => {
  const { state, polled, close } = harness();
  await polled(0, false);
  state.time = 100;
  state.notify("service-a");
  await polled(200, true); // The announced change.
  await polled(600, true); // The connection was cut meanwhile: nobody announced this one.
  await polled(1_700, false);
  assert.equal(state.listens, 2);
  await close();
});

Deno.test("RegistryListener stays where every change was announced", async () => {
  const { state, polled, close } = harness();
  await polled(0, false);
  for (const at of [100, 500]) {
    state.time = at;
    state.notify("service-a");
    await polled(at + 100, true);
  }
  await polled(1_700, false);
  assert.equal(state.listens, 1);
  await close();
});

Deno.test("RegistryListener waits for a notification that comes after the poll", async () => {
  const { state, polled, close } = harness();
  await polled(0, false);
  await polled(200, true);
  state.time = 700;
  state.notify("service-a");
  await polled(1_700, false);
  assert.equal(state.listens, 1);
  await close();
});
