import { AUTHORITY } from "@countersign/fixture";
import assert from "node:assert/strict";
import { openDatabase, withConnection } from "./connection.ts";
import { RegistryError } from "../errors.ts";

const PASSWORD = "s3cret p@ss";
const ENCODED = encodeURIComponent(PASSWORD);

/** Fails if a secret shows anywhere in an error, its cause or its stack. */
function assertScrubbed(error: unknown): asserts error is RegistryError {
  assert(error instanceof RegistryError);
  const shown = [error, error.cause].map((part) => Deno.inspect(part)).join();
  for (const secret of [PASSWORD, ENCODED]) assert(!shown.includes(secret), shown);
}

for (
  const [what, target] of [
    ["another scheme", { databaseUrl: `https://postgres:${ENCODED}@db.example.com/postgres` }],
    ["no host", { databaseUrl: `postgres:///postgres?password=${ENCODED}` }],
    ["an unknown sslmode", { databaseUrl: `postgres://postgres:${ENCODED}@h/p?sslmode=off` }],
    ["a password that is not encoded", { databaseUrl: `postgres://p:x@#${PASSWORD}@h/p` }],
    ["a CA that is none", { databaseUrl: "postgres://p@h/p", databaseCa: PASSWORD }],
  ] as const
) {
  Deno.test(`openDatabase() refuses ${what}, and shows no password`, () => {
    assert.throws(() => openDatabase(target), (error) => {
      assertScrubbed(error);
      assert.equal(error.code, "invalid_argument");
      return true;
    });
  });
}

Deno.test("openDatabase() takes a CA however it was pasted, and says where the URL leads", async () => {
  await using database = openDatabase({
    databaseUrl: "postgres://postgres@[2001:db8::1]/postgres",
    databaseCa: AUTHORITY.replaceAll("\n", "\r\n"),
  });
  assert.equal(database.host, "2001:db8::1");
});

Deno.test("withConnection() gives a code to a server that is not there, and shows no password", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const databaseUrl = `postgres://postgres:${ENCODED}@127.0.0.1:${port}/postgres`;
  await assert.rejects(withConnection({ databaseUrl }, (sql) => sql`select 1`), (error) => {
    assertScrubbed(error);
    assert.equal(error.code, "unreachable");
    assert.match(error.message, /"127\.0\.0\.1": ECONNREFUSED$/);
    return true;
  });
});

Deno.test("withConnection() never goes on in plain text with a server that has no TLS", async () => {
  let received = "";
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of server) {
      const buffer = new Uint8Array(1024);
      for (;;) {
        const size = await connection.read(buffer).catch(() => null);
        if (size === null) break;
        received += new TextDecoder("latin1").decode(buffer.subarray(0, size));
        // "N": this server does not speak TLS (the protocol's answer to an SSLRequest).
        await connection.write(new TextEncoder().encode("N")).catch(() => 0);
      }
      connection.close();
    }
  })();
  const databaseUrl =
    `postgres://postgres:${ENCODED}@127.0.0.1:${server.addr.port}/postgres?sslmode=require`;
  await assert.rejects(withConnection({ databaseUrl }, (sql) => sql`select 1`), (error) => {
    assertScrubbed(error);
    assert.equal(error.code, "unreachable");
    assert.match(error.message, /"127\.0\.0\.1": The server does not offer TLS.*sslmode=disable/);
    return true;
  });
  server.close();
  await serving;
  assert(!received.includes("user"), "sent the start-up message in plain text");
  assert(!received.includes(PASSWORD));
});

Deno.test("withConnection() leaves errors alone that are not the database's", async () => {
  const databaseUrl = "postgres://postgres@127.0.0.1:1/postgres";
  const mistake = new TypeError("a caller's own");
  await assert.rejects(withConnection({ databaseUrl }, () => Promise.reject(mistake)), mistake);
});
