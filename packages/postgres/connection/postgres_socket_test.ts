import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, Socket } from "node:net";
import { PostgresConnectionError } from "../errors.ts";
import { parsePostgresUrl } from "../url/postgres_url.ts";
import { openPostgresSocket, PostgresSocket } from "./postgres_socket.ts";

const SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);

/** A server that a test plays, on an address of this machine. */
async function listen(onConnection: (socket: Socket) => void, address = "127.0.0.1") {
  const received: Uint8Array[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("data", (bytes) => received.push(bytes));
    onConnection(socket);
  }).listen(0, address);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    received: () => Uint8Array.from(received.flatMap((bytes) => [...bytes])),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

const open = (
  authority: string,
  sslmode = "disable",
  signal = new AbortController().signal,
  onEnd = () => {},
): Promise<PostgresSocket> =>
  openPostgresSocket(
    parsePostgresUrl(`postgres://u:hunter2@${authority}/db?sslmode=${sslmode}`),
    undefined,
    signal,
    onEnd,
  );

const isOwn = (code: string) => (error: unknown) =>
  error instanceof PostgresConnectionError && error.code === code;

Deno.test("openPostgresSocket() sends nothing but the question where TLS is not offered", async () => {
  await using server = await listen((socket) => socket.once("data", () => socket.write("N")));
  for (const sslmode of ["allow", "prefer", "require", "verify-ca", "verify-full"]) {
    await assert.rejects(open(`127.0.0.1:${server.port}`, sslmode), isOwn("TLS_NOT_OFFERED"));
  }
  const questions = Array.from({ length: 5 }, () => [...SSL_REQUEST]).flat();
  assert.deepEqual([...server.received()], questions);
});

Deno.test("openPostgresSocket() refuses what comes in plaintext along with the server's yes", async () => {
  // CVE-2021-23222: whoever stands between answers for the server before the handshake.
  await using server = await listen((socket) => socket.once("data", () => socket.write("Sx")));
  await assert.rejects(open(`127.0.0.1:${server.port}`, "require"), isOwn("NOT_POSTGRES"));
});

Deno.test("openPostgresSocket() tells another kind of server from one without TLS", async () => {
  for (const answer of ["HTTP/1.1 400 Bad Request\r\n\r\n", "E", "NN"]) {
    await using server = await listen((socket) => socket.once("data", () => socket.write(answer)));
    await assert.rejects(open(`127.0.0.1:${server.port}`, "require"), isOwn("NOT_POSTGRES"));
  }
});

Deno.test("openPostgresSocket() says so where the server hangs up instead of answering", async () => {
  await using server = await listen((socket) => socket.once("data", () => socket.destroy()));
  await assert.rejects(open(`127.0.0.1:${server.port}`, "require"), isOwn("CONNECTION_CLOSED"));
});

Deno.test("openPostgresSocket() gives up a server that is silent, when it is told to", async () => {
  for (const sslmode of ["require", "disable"]) {
    const connected = Promise.withResolvers<void>();
    await using server = await listen(() => connected.resolve());
    const abort = new AbortController();
    const opening = open(`127.0.0.1:${server.port}`, sslmode, abort.signal);
    await connected.promise;
    abort.abort();
    await assert.rejects(opening, isOwn("CONNECTION_CLOSED"));
  }
});

Deno.test("openPostgresSocket() connects to the IPv6 address that the URL names", async () => {
  await using six = await listen((socket) => socket.write("six"), "::1");
  for (const address of ["[::1]", "[0:0:0:0:0:0:0:1]"]) {
    const socket = await open(`${address}:${six.port}`);
    const [bytes] = await once(socket, "data");
    assert.equal(new TextDecoder().decode(bytes), "six");
    socket.destroy();
  }
  // The twin: the same port of 127.0.0.1, where nothing listens.
  await assert.rejects(open(`127.0.0.1:${six.port}`), { code: "ECONNREFUSED" });
});

Deno.test("PostgresSocket says what is wrong with a certificate that is checked only after it was opened", async () => {
  const underneath = new Socket();
  const socket = new PostgresSocket(underneath, () => {});
  const failed = once(socket, "error");
  // What Deno 2.1 raises with the first bytes that are read.
  underneath.emit("error", new Error("invalid peer certificate: UnknownIssuer"));
  await assert.rejects(
    failed.then(([error]) => Promise.reject(error)),
    isOwn("CERTIFICATE_NOT_TRUSTED"),
  );
});

Deno.test("PostgresSocket ends once, with an error and no close, whichever side ends it", async () => {
  await using server = await listen((socket) => socket.once("data", () => socket.destroy()));
  for (const end of ["theirs", "ours", "the signal's"]) {
    const abort = new AbortController();
    let ends = 0;
    const socket = await open(`127.0.0.1:${server.port}`, "disable", abort.signal, () => ends++);
    const events: string[] = [];
    socket.on("error", () => events.push("error")).on("close", () => events.push("close"));
    assert.equal(socket.readyState, "open");
    if (end === "theirs") {
      socket.write(Uint8Array.of(0));
      await once(socket, "error");
    } else if (end === "ours") socket.destroy();
    else abort.abort();
    socket.destroy();
    assert.deepEqual([events, ends, socket.readyState], [["error"], 1, "closed"], end);
    assert.equal(socket.write(Uint8Array.of(0)), false);
  }
});
