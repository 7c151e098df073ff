// What a double can't decide: real sockets, on this machine.
import { memoryKeySource } from "@countersign/verifier";
import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { createJwtSwapProxy } from "../create_jwt_swap_proxy.ts";
import { makeIssuer, NOW, SECRET, TARGET } from "@countersign/fixture";

const issuer = await makeIssuer("service-a");
const token = await issuer.sign();
const MiB = 1024 * 1024;

interface Pair extends AsyncDisposable {
  readonly url: string;
  /** Settles when an upstream connection ends. */
  readonly upstreamClosed: Promise<void>;
}

/** A proxy on a real port before an upstream that speaks whatever `onConnection` writes. */
async function pair(
  onConnection: (socket: Socket) => void,
  upstreamTimeout = 5_000,
): Promise<Pair> {
  let onUpstreamClosed = () => {};
  const upstreamClosed = new Promise<void>((resolve) => onUpstreamClosed = resolve);
  const sockets = new Set<Socket>();
  const upstream: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => onUpstreamClosed());
    onConnection(socket);
  });
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const address = upstream.address();
  assert.ok(typeof address === "object" && address !== null);

  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const handler = createJwtSwapProxy({
    supabaseUrl: TARGET,
    upstreamUrl: `http://127.0.0.1:${address.port}`,
    supabaseJwtSecret: SECRET,
    keySource: memoryKeySource([issuer.record]),
    now: () => NOW,
    upstreamTimeout,
    fetch: (input, init) => fetch(input, { ...init, client }),
  });
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handler);
  return {
    url: `http://127.0.0.1:${server.addr.port}/rest/widgets`,
    upstreamClosed,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      client.close();
      for (const socket of sockets) socket.destroy();
      upstream.close();
      await once(upstream, "close");
    },
  };
}

const headers = { authorization: `Bearer ${token}` };

Deno.test("createJwtSwapProxy() streams a response of any size in constant memory", async () => {
  const size = 256 * MiB;
  await using proxy = await pair((socket) => {
    socket.once("data", () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
      const chunk = new Uint8Array(MiB);
      let sent = 0;
      const pump = () => {
        while (sent < size) {
          sent += MiB;
          if (!socket.write(chunk)) return void socket.once("drain", pump);
        }
        socket.end();
      };
      pump();
    });
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
  let onFirst = (_bytes: string) => {};
  const first = new Promise<string>((resolve) => onFirst = resolve);
  await using proxy = await pair((socket) => {
    let seen = "";
    socket.on("data", (bytes) => {
      seen += bytes.toString("latin1");
      if (seen.includes("first")) onFirst(seen);
      if (seen.includes("last")) socket.end("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n");
    });
  });
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(new TextEncoder().encode("first"));
      await first; // The upstream has the first part before the last is written.
      controller.enqueue(new TextEncoder().encode("last"));
      controller.close();
    },
  });
  const response = await fetch(proxy.url, { method: "POST", body, headers });
  assert.equal(response.status, 201);
  await response.body?.cancel();
});

Deno.test("createJwtSwapProxy() answers 504 to an upstream that hangs, and hangs up", async () => {
  await using proxy = await pair((socket) => void socket.resume(), 50);
  const response = await fetch(proxy.url, { headers });
  assert.equal(response.status, 504);
  assert.equal((await response.json()).code, "upstream_timeout");
  await proxy.upstreamClosed;
});

Deno.test("createJwtSwapProxy() answers 502 to an upstream that hangs up before the status", async () => {
  await using proxy = await pair((socket) => socket.end());
  const response = await fetch(proxy.url, { headers });
  assert.equal(response.status, 502);
  assert.equal((await response.json()).code, "upstream_unreachable");
});

Deno.test("createJwtSwapProxy() breaks off an answer that the upstream breaks off", async () => {
  await using proxy = await pair((socket) => {
    socket.once("data", () => {
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[{"id":1}');
    });
  });
  const response = await fetch(proxy.url, { headers });
  assert.equal(response.status, 200);
  await assert.rejects(response.text());
});

Deno.test("createJwtSwapProxy() hangs up on the upstream when the client leaves before the status", async () => {
  let onRequest = () => {};
  const requested = new Promise<void>((resolve) => onRequest = resolve);
  await using proxy = await pair((socket) => void socket.once("data", () => onRequest()));
  const client = new AbortController();
  const answer = fetch(proxy.url, { headers, signal: client.signal });
  await requested;
  client.abort();
  await assert.rejects(answer);
  await proxy.upstreamClosed;
});

Deno.test("createJwtSwapProxy() hangs up on the upstream when the client leaves during the body", async () => {
  await using proxy = await pair((socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n");
      const chunk = new Uint8Array(MiB);
      const pump = () => {
        while (!socket.destroyed && socket.write(chunk));
        socket.once("drain", pump);
      };
      pump();
    });
  });
  const client = new AbortController();
  const response = await fetch(proxy.url, { headers, signal: client.signal });
  const reader = response.body?.getReader();
  await reader?.read();
  client.abort();
  await proxy.upstreamClosed;
});
