import { type KeySource, memoryKeySource } from "@countersign/verifier";
import assert from "node:assert/strict";
import { createJwtSwapProxy } from "./create_jwt_swap_proxy.ts";
import { NOW, payloadOf, SECRET, TARGET } from "@countersign/fixture";
import { fakeUpstream } from "./fixtures/upstream.ts";

function harness(upstreamAnswer: () => Response | Promise<Response>, keySource?: KeySource) {
  let now = NOW;
  const upstream = fakeUpstream(upstreamAnswer);
  const handler = createJwtSwapProxy({
    supabaseUrl: TARGET,
    apikey: "sb_publishable_1",
    supabaseJwtSecret: SECRET,
    keySource: keySource ?? memoryKeySource([]),
    now: () => now,
    fetch: upstream.fetch,
  });
  return {
    upstream,
    pass: (milliseconds: number) => now += milliseconds,
    get: (path: string, method = "GET") => handler(new Request(`http://x${path}`, { method })),
  };
}

const missing = () => Response.json({ code: "PGRST202" }, { status: 404 });

Deno.test("/-/healthz says that the process lives, and asks nobody", async () => {
  const { get, upstream } = harness(() => Promise.reject(new TypeError("refused")));
  const response = await get("/functions/v1/rest/-/healthz");
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { status: "ok" });
  assert.equal(upstream.seen.length, 0);
  assert.equal(await (await get("/rest/v1/-/healthz", "HEAD")).text(), "");
});

Deno.test("/-/readyz is ready when the registry answers and PostgREST takes our token", async () => {
  const { get, upstream } = harness(missing);
  const response = await get("/rest/-/readyz");
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { status: "ready", registry: "ok", upstream: "ok" });
  const [probe] = upstream.seen;
  const token = probe?.headers.get("authorization") ?? "";
  assert.deepEqual(payloadOf(token), { role: "anon", exp: NOW / 1000 + 30 });
  assert.equal(probe?.headers.get("apikey"), "sb_publishable_1");
});

Deno.test("/-/readyz is not ready when PostgREST is away or refuses our token or key", async () => {
  const answers = [
    () => Promise.reject(new TypeError("refused")),
    () => Response.json({ code: "PGRST301" }, { status: 401 }),
    () => Response.json({ message: "Invalid API key" }, { status: 401 }),
    () => Response.json({ code: "PGRST002" }, { status: 503 }),
  ];
  for (const answer of answers) {
    const response = await harness(answer).get("/rest/-/readyz");
    assert.equal(response.status, 503);
    assert.equal(response.headers.get("retry-after"), "1");
    assert.deepEqual(await response.json(), {
      status: "not_ready",
      registry: "ok",
      upstream: "unavailable",
    });
  }
});

Deno.test("/-/readyz is not ready when the registry can't be read", async () => {
  const sources: KeySource[] = [
    { find: () => Promise.reject(new Error("gone")) },
    {
      find() {
        throw new Error("gone");
      },
    },
  ];
  for (const source of sources) {
    const response = await harness(missing, source).get("/rest/-/readyz");
    assert.equal(response.status, 503);
    assert.equal((await response.json()).registry, "unavailable");
  }
});

Deno.test("/-/readyz asks once a second, however often it is asked", async () => {
  const { get, upstream, pass } = harness(missing);
  await Promise.all(Array.from({ length: 100 }, () => get("/rest/-/readyz")));
  assert.equal(upstream.seen.length, 1);
  pass(1_000);
  await get("/rest/-/readyz");
  assert.equal(upstream.seen.length, 2);
});
