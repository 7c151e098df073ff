// What a double can't decide: real sockets, on this machine. Also on the Deno that Supabase Edge is compatible with.
import { until } from "@countersign/fixture";
import assert from "node:assert/strict";
import { type RawPair, rawPair, TOKEN } from "../fixtures/raw_upstream.ts";

const MiB = 1024 * 1024;
const headers = { authorization: `Bearer ${TOKEN}` };
const EMPTY = "content-length: 0\r\n\r\n";

Deno.test("createJwtSwapProxy() streams a response of any size in constant memory", async () => {
  const size = 256 * MiB;
  await using proxy = rawPair(async (connection) => {
    await connection.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
    const chunk = new Uint8Array(MiB);
    for (let sent = 0; sent < size; sent += MiB) await connection.write(chunk);
  });
  const before = Deno.memoryUsage().rss;
  const response = await fetch(proxy.url, { headers });
  let received = 0;
  let most = 0;
  for await (const chunk of response.body ?? []) {
    received += chunk.byteLength;
    most = Math.max(most, Deno.memoryUsage().rss - before);
  }
  assert.equal(received, size);
  assert.ok(most < 128 * MiB, `held ${Math.round(most / MiB)} MiB`);
});

Deno.test("createJwtSwapProxy() streams a request body while it is being sent", async () => {
  const first = Promise.withResolvers<void>();
  await using proxy = rawPair(async (connection) => {
    await connection.until("first");
    first.resolve();
    await connection.until("last");
    await connection.write(`HTTP/1.1 201 Created\r\n${EMPTY}`);
  });
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(new TextEncoder().encode("first"));
      await first.promise; // The upstream has the first part before the last is written.
      controller.enqueue(new TextEncoder().encode("last"));
      controller.close();
    },
  });
  const response = await fetch(proxy.url, { method: "POST", body, headers });
  assert.equal(response.status, 201);
  await response.body?.cancel();
});

Deno.test("createJwtSwapProxy() answers 504 to an upstream that hangs, and hangs up", async () => {
  await using proxy = rawPair(() => {}, 50);
  const response = await fetch(proxy.url, { headers });
  assert.equal(response.status, 504);
  assert.equal((await response.json()).code, "upstream_timeout");
  await proxy.upstreamClosed;
});

Deno.test("createJwtSwapProxy() answers 502 to an upstream that hangs up before the status", async () => {
  await using proxy = rawPair((connection) => connection.close());
  const response = await fetch(proxy.url, { headers });
  assert.equal(response.status, 502);
  assert.equal((await response.json()).code, "upstream_unreachable");
  assert.equal(proxy.events[0]?.type === "refused" && proxy.events[0].alarm, true);
});

Deno.test("createJwtSwapProxy() breaks off an answer that the upstream breaks off", async () => {
  await using proxy = rawPair(async (connection) => {
    await connection.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[{"id":1}');
    connection.close();
  });
  const response = await fetch(proxy.url, { headers });
  assert.equal(response.status, 200);
  await assert.rejects(response.text());
});

Deno.test("createJwtSwapProxy() hangs up on the upstream when the client leaves before the status", async () => {
  const requested = Promise.withResolvers<void>();
  await using proxy = rawPair(() => requested.resolve());
  const client = new AbortController();
  const answer = fetch(proxy.url, { headers, signal: client.signal });
  await requested.promise;
  client.abort();
  await assert.rejects(answer);
  await proxy.upstreamClosed;
});

Deno.test("createJwtSwapProxy() hangs up on the upstream when the client leaves during the body", async () => {
  await using proxy = rawPair(async (connection) => {
    await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n");
    const chunk = new Uint8Array(MiB);
    while (await connection.write(chunk));
    connection.close();
  });
  const client = new AbortController();
  const response = await fetch(proxy.url, { headers, signal: client.signal });
  const reader = response.body?.getReader();
  await reader?.read();
  client.abort();
  await reader?.read().catch(() => {});
  await proxy.upstreamClosed;
});

Deno.test("createJwtSwapProxy() ends a 401 or 404 whose body never comes, and hangs up", async () => {
  for (const status of ["401 Unauthorized", "404 Not Found"]) {
    const head = `HTTP/1.1 ${status}\r\ncontent-length: 100\r\n\r\n`;
    {
      await using proxy = rawPair(async (connection) => void await connection.write(head), 50);
      const response = await fetch(proxy.url, { headers });
      assert.deepEqual([response.status, (await response.json()).code], [504, "upstream_timeout"]);
      await proxy.upstreamClosed;
    }
    {
      await using proxy = rawPair(async (connection) => void await connection.write(head));
      const client = new AbortController();
      const answer = fetch(proxy.url, { headers, signal: client.signal });
      setTimeout(() => client.abort(), 60);
      await assert.rejects(answer);
      await proxy.upstreamClosed;
    }
    {
      await using proxy = rawPair(async (connection) => {
        await connection.write(head);
        connection.close();
      });
      const response = await fetch(proxy.url, { headers });
      assert.deepEqual([response.status, (await response.json()).code], [
        502,
        "upstream_unreachable",
      ]);
    }
  }
});

/** Sends the beginning of a request, and the rest when the upstream has some of it; then closes the connection. */
async function breakOff(
  { port }: RawPair,
  beginning: string,
  rest: string,
  reached: Promise<void>,
): Promise<void> {
  const connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  const write = async (text: string) => {
    const bytes = new TextEncoder().encode(text);
    for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
  };
  await write(beginning);
  await reached;
  await write(rest);
  await new Promise((resolve) => setTimeout(resolve, 20));
  connection.close();
}

const CHUNKED = "transfer-encoding: chunked\r\n\r\n5\r\naaaaa\r\n";
const UPLOADS: Readonly<Record<string, readonly [beginning: string, rest: string]>> = {
  "of 1 KB": [`content-length: 1000\r\n\r\n${"a".repeat(500)}`, ""],
  "of 500 KB": [`content-length: 500000\r\n\r\n${"a".repeat(200_000)}`, ""],
  "of 5 MB": [`content-length: 5000000\r\n\r\n${"a".repeat(200_000)}`, ""],
  "in chunks": [CHUNKED, ""],
  "with a chunk that is none": [CHUNKED, "ZZZZ\r\n"],
};
for (const [name, [beginning, rest]] of Object.entries(UPLOADS)) {
  Deno.test(`createJwtSwapProxy() sounds no alarm when the client breaks off an upload ${name}`, async () => {
    const reached = Promise.withResolvers<void>();
    await using proxy = rawPair((connection) => {
      connection.until("aaaa").then(reached.resolve);
    });
    const head = `POST /rest/widgets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n`;
    // What is read whole before it goes up never gets there.
    const isReadWhole = beginning.startsWith("content-length: 1000\r");
    await breakOff(
      proxy,
      head + beginning,
      rest,
      isReadWhole ? Promise.resolve() : reached.promise,
    );
    await until("the log has it", () => proxy.events.length > 0);
    const [event] = proxy.events;
    assert.ok(event?.type === "refused");
    assert.deepEqual([event.reason, event.alarm, event.issuer], [
      "client_closed",
      false,
      "service-a",
    ]);
  });
}

Deno.test("createJwtSwapProxy() passes on a body that SQL has encoded, so that a client can read it", async () => {
  const text = new TextEncoder().encode('[{"id":1}]');
  const gzip = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  const encoded = new Uint8Array(await new Response(gzip).arrayBuffer());
  await using proxy = rawPair(async (connection) => {
    const head = `content-encoding: gzip\r\ncontent-length: ${encoded.length}\r\n\r\n`;
    await connection.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${head}`);
    await connection.write(encoded);
  });
  const response = await fetch(proxy.url, { headers });
  assert.deepEqual(await response.json(), [{ id: 1 }]);
});

Deno.test("createJwtSwapProxy() ends an answer of 205, and tells no length that HEAD does not have", async () => {
  await using proxy = rawPair(async (connection) => {
    const isHead = connection.received.startsWith("HEAD");
    const reset = "HTTP/1.1 205 Reset Content\r\n\r\n";
    await connection.write(isHead ? "HTTP/1.1 200 OK\r\ncontent-type: a/b\r\n\r\n" : reset);
    connection.close();
  });
  const response = await fetch(proxy.url, { method: "POST", headers });
  assert.deepEqual([response.status, await response.text()], [204, ""]);
  const head = await fetch(proxy.url, { method: "HEAD", headers });
  assert.deepEqual([head.status, head.headers.get("content-length")], [200, null]);
  await head.body?.cancel();
});
