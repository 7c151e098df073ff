import assert from "node:assert/strict";
import { type UpstreamCall, UpstreamCalls } from "./upstream_calls.ts";

// Every test ends its calls, so the test runner finds a timer that was left behind.

function request(): { request: Request; client: AbortController } {
  const client = new AbortController();
  return { client, request: new Request("http://x/", { signal: client.signal }) };
}

const aborted = (call: UpstreamCall) =>
  new Promise<void>((resolve) => {
    if (call.signal.aborted) resolve();
    call.signal.addEventListener("abort", () => resolve());
  });

Deno.test("UpstreamCalls breaks off a call that takes too long, and no other", async () => {
  for (const timeout of [5, 40]) {
    const calls = new UpstreamCalls(timeout);
    const quick = calls.begin(request().request);
    const slow = calls.begin(request().request);
    calls.end(quick);
    await aborted(slow);
    assert.equal(slow.brokenOff, "upstream_timeout");
    assert.equal(quick.signal.aborted, false);
    calls.end(slow);
  }
});

Deno.test("UpstreamCalls breaks off a call whose client leaves, whenever that is", async () => {
  const calls = new UpstreamCalls(60_000);
  const [early, late, stays] = [request(), request(), request()];
  const call = calls.begin(early.request);
  const other = calls.begin(late.request);
  const third = calls.begin(stays.request);
  early.client.abort();
  await aborted(call);
  late.client.abort();
  await aborted(other);
  assert.deepEqual([call, other, third].map(({ brokenOff }) => brokenOff), [
    "client_closed",
    "client_closed",
    undefined,
  ]);
  for (const ended of [call, other, third]) calls.end(ended);
});

Deno.test("UpstreamCalls lets go of a call that has ended", async () => {
  const calls = new UpstreamCalls(60_000);
  const { request: watched, client } = request();
  const call = calls.begin(watched);
  const other = calls.begin(request().request);
  call.watch(60_000);
  calls.end(call);
  call.unwatch();
  client.abort();
  assert.equal(call.signal.aborted, false);
  await new Promise((resolve) => setTimeout(resolve, 30)); // The other is watched by now.
  calls.end(other);
  assert.equal(other.signal.aborted, false);
});

Deno.test("UpstreamCalls begins and ends calls in any order", async () => {
  const calls = new UpstreamCalls(60_000);
  const begun = Array.from({ length: 100 }, () => calls.begin(request().request));
  await new Promise((resolve) => setTimeout(resolve, 12));
  begun.push(...Array.from({ length: 100 }, () => calls.begin(request().request)));
  for (const call of begun.toSorted(() => Math.random() - 0.5)) calls.end(call);
});

/** A body that is sent in parts: `part` sends one and waits until `fetch`, as it were, has taken it. */
function upload(calls: UpstreamCalls, headers: Record<string, string>) {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>();
  const request = new Request("http://x/", { method: "POST", body: readable, headers });
  const call = calls.begin(request);
  const reader = call.body().then((body) => {
    assert.ok(body instanceof ReadableStream);
    return body.getReader();
  });
  const read = async () => await (await reader).read();
  const writer = writable.getWriter();
  return {
    call,
    async part() {
      await Promise.all([writer.write(new Uint8Array(1)), read()]);
    },
    async end() {
      calls.end(call);
      await Promise.all([writer.close(), read()]);
    },
  };
}

Deno.test("UpstreamCalls gives a large body all the time in which it moves, and no more", async () => {
  for (const headers of [{}, { "content-length": "65537" }]) {
    const calls = new UpstreamCalls(400);
    const moving = upload(calls, headers);
    const started = performance.now();
    while (performance.now() - started < 1_000) {
      await moving.part();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(moving.call.brokenOff, undefined);
    const stopped = performance.now();
    await aborted(moving.call);
    assert.equal(moving.call.brokenOff, "upstream_timeout");
    assert.ok(performance.now() - stopped > 300);
    await moving.end();
  }
});

Deno.test("UpstreamCalls reads a small body whole, and streams any other", async () => {
  const calls = new UpstreamCalls(60_000);
  const bodyOf = async (length: string) => {
    const body = "x".repeat(Number(length));
    const headers = { "content-length": length };
    const call = calls.begin(new Request("http://x/", { method: "POST", body, headers }));
    const taken = await call.body();
    calls.end(call);
    assert.equal(await new Response(taken).text(), body);
    return taken;
  };
  for (const length of ["0", "1", "65536"]) {
    assert.ok(await bodyOf(length) instanceof ArrayBuffer, length);
  }
  for (const length of ["65537", "1048576"]) {
    assert.ok(await bodyOf(length) instanceof ReadableStream, length);
  }
  const call = calls.begin(request().request);
  assert.equal(await call.body(), null);
  calls.end(call);
});

Deno.test("UpstreamCalls breaks a large body off for the upstream where the client does", async () => {
  const calls = new UpstreamCalls(60_000);
  const body = new ReadableStream({
    pull: (controller) => controller.error(new Error("gone")),
  });
  const call = calls.begin(new Request("http://x/", { method: "POST", body }));
  await assert.rejects(async () => await new Response(await call.body()).text(), /gone/);
  assert.equal(call.brokenOff, "client_closed");
  calls.end(call);
});
