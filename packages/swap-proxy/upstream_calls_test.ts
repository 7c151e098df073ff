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
