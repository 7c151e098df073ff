import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { RefusedPassword } from "../pacing/refused_password.ts";
import { parsePostgresUrl } from "../url/postgres_url.ts";
import { PostgresConnection } from "./postgres_connection.ts";

/** A server that a test plays, and connections to it. */
async function listen(onConnection: (socket: Socket) => void) {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    onConnection(socket.on("error", () => {}));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const target = parsePostgresUrl(`postgres://u:p@127.0.0.1:${port}/db`);
  return {
    connections: () => connections,
    connection: (refused = new RefusedPassword(), onEnd: () => void = () => {}) =>
      new PostgresConnection(target, undefined, refused, { onNotify: () => {}, onEnd }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** ErrorResponse (PostgreSQL protocol, "Message Formats"). */
function errorResponse(sqlstate: string): Uint8Array {
  const fields = new TextEncoder().encode(`SFATAL\0C${sqlstate}\0Mno\0\0`);
  const message = new Uint8Array(5 + fields.length);
  message[0] = "E".charCodeAt(0);
  new DataView(message.buffer).setInt32(1, 4 + fields.length);
  message.set(fields, 5);
  return message;
}

Deno.test("PostgresConnection rejects whatever waits for it, and is over, where it can't be opened", async () => {
  await using server = await listen((socket) => socket.destroy());
  let ends = 0;
  const connection = server.connection(undefined, () => ends++);
  const waiting = [1, 2, 3].map(() =>
    assert.rejects(connection.query("select", []), { code: "CONNECTION_CLOSED" })
  );
  await Promise.all(waiting);
  assert.deepEqual([connection.isOver, ends, server.connections()], [true, 1, 1]);
  await connection.end();
});

Deno.test("PostgresConnection does not connect while a refused password waits", async () => {
  await using server = await listen((socket) =>
    socket.once("data", () => socket.end(errorResponse("28P01")))
  );
  const refused = new RefusedPassword();
  for (let attempt = 0; attempt < 3; attempt++) {
    const connection = server.connection(refused);
    await assert.rejects(connection.query("select", []), { code: "28P01" });
    await connection.end();
  }
  assert.equal(server.connections(), 1);
});

Deno.test("PostgresConnection holds nothing back after another refusal", async () => {
  await using server = await listen((socket) =>
    socket.once("data", () => socket.end(errorResponse("57P03")))
  );
  const refused = new RefusedPassword();
  for (let attempt = 0; attempt < 3; attempt++) {
    const connection = server.connection(refused);
    await assert.rejects(connection.query("select", []), { code: "57P03" });
    await connection.end();
  }
  assert.equal(server.connections(), 3);
});

Deno.test("PostgresConnection ends although the server is silent, and rejects what was under way", async () => {
  const asked = Promise.withResolvers<void>();
  await using server = await listen((socket) => socket.once("data", () => asked.resolve()));
  const connection = server.connection();
  const query = assert.rejects(connection.query("select", []));
  await asked.promise;
  await connection.end();
  await query;
  assert.equal(connection.isOver, true);
});
