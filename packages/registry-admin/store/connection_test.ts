import assert from "node:assert/strict";
import { connectionSettings, withConnection } from "./connection.ts";
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
  const [what, databaseUrl] of [
    ["another scheme", `https://postgres:${ENCODED}@db.example.com/postgres`],
    ["no host", `postgres:///postgres?password=${ENCODED}`],
    ["no URL", `postgres ${PASSWORD}`],
    ["a port that is none", `postgres://postgres:${ENCODED}@db.example.com:99999/postgres`],
    ["an unknown sslmode", `postgres://postgres:${ENCODED}@h/p?sslmode=off`],
    ["a broken escape", `postgres://postgres:%E0${ENCODED}@db.example.com/postgres`],
  ] as const
) {
  Deno.test(`connectionSettings() refuses ${what}, and shows no password`, () => {
    assert.throws(() => connectionSettings({ databaseUrl }), (error) => {
      assertScrubbed(error);
      assert.equal(error.code, "invalid_argument");
      return true;
    });
  });
}

Deno.test("connectionSettings() takes a URL apart", () => {
  const databaseUrl = `postgresql://post%67res:${ENCODED}@db.example.com:6543/my%20db`;
  assert.deepEqual(connectionSettings({ databaseUrl }), {
    host: "db.example.com",
    port: 6543,
    database: "my db",
    username: "postgres",
    password: PASSWORD,
    ssl: { host: "db.example.com", rejectUnauthorized: true },
  });
});

for (
  const [rest, encrypted] of [
    ["localhost/postgres", false],
    ["127.0.0.1:5432/postgres", false],
    ["[::1]:5432/postgres", false],
    ["localhost/postgres?sslmode=verify-full", true],
    ["localhost.example.com/postgres", true],
    ["127.0.0.1.example.com/postgres", true],
    ["db.example.com/postgres", true],
    ["db.example.com/postgres?sslmode=allow", true],
    ["db.example.com/postgres?sslmode=prefer", true],
    ["db.example.com/postgres?sslmode=require", true],
    ["db.example.com/postgres?sslmode=disable", false],
  ] as const
) {
  Deno.test(`connectionSettings() ${encrypted ? "encrypts" : "does not encrypt"} ${rest}`, () => {
    const { ssl } = connectionSettings({ databaseUrl: `postgres://p:w@${rest}` });
    assert.equal(ssl !== false, encrypted);
  });
}

Deno.test("withConnection() gives a code to a server that is not there, and shows no password", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const databaseUrl = `postgres://postgres:${ENCODED}@127.0.0.1:${port}/postgres`;
  await assert.rejects(withConnection({ databaseUrl }, (sql) => sql`select 1`), (error) => {
    assertScrubbed(error);
    assert.equal(error.code, "unreachable");
    assert.match(error.message, /"127\.0\.0\.1", found ECONNREFUSED/);
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
