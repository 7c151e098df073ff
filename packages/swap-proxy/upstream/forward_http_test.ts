// What a double can't decide: real sockets, on this machine.
import { memoryKeySource } from "@countersign/verifier";
import assert from "node:assert/strict";
import { createJwtSwapProxy } from "../create_jwt_swap_proxy.ts";
import { makeIssuer, NOW, SECRET, TARGET } from "@countersign/fixture";

const issuer = await makeIssuer("service-a");
const token = await issuer.sign();
const MiB = 1024 * 1024;

/** A connection of the proxy's, as its upstream has it. */
interface Connection {
  /** What arrives next; `null` once the proxy has hung up. */
  read(): Promise<string | null>;
  /** Writes all of it; `false` once the proxy has hung up. */
  write(data: string | Uint8Array): Promise<boolean>;
  close(): void;
}

interface Pair extends AsyncDisposable {
  readonly url: string;
  /** Settles when the connection of a request ends. */
  readonly upstreamClosed: Promise<void>;
}

/**
 * A proxy on a real port before an upstream that does with its connections what `onConnection` says, and then waits
 * for the proxy to hang up. Deno's own sockets: those of `node:net` report no full buffer on Deno 2.1.4.
 */
function pair(
  onConnection: (connection: Connection, head: string) => void | Promise<void>,
  upstreamTimeout = 5_000,
): Pair {
  const closed = Promise.withResolvers<void>();
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const sockets = new Set<Deno.TcpConn>();
  const serve = async (socket: Deno.TcpConn) => {
    sockets.add(socket);
    const connection = connectionOf(socket, () => sockets.delete(socket));
    const head = await connection.read();
    // The proxy also has questions of its own, which are no part of this.
    const isRequest = / \/widgets /.test(head ?? "");
    if (isRequest) {
      await onConnection(connection, head!);
      while (await connection.read() !== null);
      closed.resolve();
    }
    connection.close();
  };
  const accepting = (async () => {
    const serving: Promise<void>[] = [];
    for await (const socket of listener) serving.push(serve(socket));
    await Promise.all(serving);
  })();

  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const handler = createJwtSwapProxy({
    supabaseUrl: TARGET,
    upstreamUrl: `http://127.0.0.1:${listener.addr.port}`,
    supabaseJwtSecret: SECRET,
    keySource: memoryKeySource([issuer.record]),
    now: () => NOW,
    upstreamTimeout,
    fetch: (input, init) => fetch(input, { ...init, client }),
  });
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handler);
  return {
    url: `http://127.0.0.1:${server.addr.port}/rest/widgets`,
    upstreamClosed: closed.promise,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      client.close();
      listener.close();
      for (const socket of sockets) socket.close();
      sockets.clear();
      await accepting;
    },
  };
}

function connectionOf(socket: Deno.TcpConn, forget: () => boolean): Connection {
  const chunk = new Uint8Array(64 * 1024);
  return {
    async read() {
      // A socket that was reset, or closed by the test, has nothing more to say either.
      const length = await socket.read(chunk).catch(() => null);
      return length === null ? null : new TextDecoder().decode(chunk.subarray(0, length));
    },
    async write(data) {
      const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
      try {
        for (let sent = 0; sent < bytes.length;) sent += await socket.write(bytes.subarray(sent));
        return true;
      } catch {
        return false;
      }
    },
    close() {
      if (forget()) socket.close();
    },
  };
}

const headers = { authorization: `Bearer ${token}` };

Deno.test("createJwtSwapProxy() streams a response of any size in constant memory", async () => {
  const size = 256 * MiB;
  await using proxy = pair(async (connection) => {
    await connection.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
    const chunk = new Uint8Array(MiB);
    for (let sent = 0; sent < size; sent += MiB) await connection.write(chunk);
    connection.close();
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
  await using proxy = pair(async (connection, head) => {
    let seen = head;
    while (!seen.includes("last")) {
      if (seen.includes("first")) first.resolve();
      const part = await connection.read();
      assert.notEqual(part, null);
      seen += part;
    }
    await connection.write("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n");
    connection.close();
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
  await using proxy = pair(() => {}, 50);
  const response = await fetch(proxy.url, { headers });
  assert.equal(response.status, 504);
  assert.equal((await response.json()).code, "upstream_timeout");
  await proxy.upstreamClosed;
});

Deno.test("createJwtSwapProxy() answers 502 to an upstream that hangs up before the status", async () => {
  await using proxy = pair((connection) => connection.close());
  const response = await fetch(proxy.url, { headers });
  assert.equal(response.status, 502);
  assert.equal((await response.json()).code, "upstream_unreachable");
});

Deno.test("createJwtSwapProxy() breaks off an answer that the upstream breaks off", async () => {
  await using proxy = pair(async (connection) => {
    await connection.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[{"id":1}');
    connection.close();
  });
  const response = await fetch(proxy.url, { headers });
  assert.equal(response.status, 200);
  await assert.rejects(response.text());
});

Deno.test("createJwtSwapProxy() hangs up on the upstream when the client leaves before the status", async () => {
  const requested = Promise.withResolvers<void>();
  await using proxy = pair(() => requested.resolve());
  const client = new AbortController();
  const answer = fetch(proxy.url, { headers, signal: client.signal });
  await requested.promise;
  client.abort();
  await assert.rejects(answer);
  await proxy.upstreamClosed;
});

Deno.test("createJwtSwapProxy() hangs up on the upstream when the client leaves during the body", async () => {
  await using proxy = pair(async (connection) => {
    await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n");
    const chunk = new Uint8Array(MiB);
    while (await connection.write(chunk));
  });
  const client = new AbortController();
  const response = await fetch(proxy.url, { headers, signal: client.signal });
  const reader = response.body?.getReader();
  await reader?.read();
  client.abort();
  await proxy.upstreamClosed;
});
