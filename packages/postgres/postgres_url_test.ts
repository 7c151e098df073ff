import assert from "node:assert/strict";
import { PostgresConnectionError } from "./errors.ts";
import { parsePostgresUrl } from "./postgres_url.ts";

Deno.test("parsePostgresUrl() reads user, password, host, port and database", () => {
  assert.deepEqual(
    parsePostgresUrl("postgres://postgres.ref:p%40ss%2Fw@db.example.com:6543/main"),
    {
      host: "db.example.com",
      port: 6543,
      user: "postgres.ref",
      password: "p@ss/w",
      database: "main",
      tls: "certificate-and-host",
    },
  );
  const { port, database } = parsePostgresUrl("postgresql://reader@db.example.com");
  assert.deepEqual({ port, database }, { port: 5432, database: "reader" });
});

Deno.test("parsePostgresUrl() demands a checked certificate wherever the connection leaves the machine", () => {
  const tls = (rest: string) => parsePostgresUrl(`postgres://u:p@${rest}`).tls;
  for (const host of ["localhost", "127.0.0.1", "127.8.9.10", "[::1]", "x/db?host=/tmp"]) {
    assert.equal(tls(host), "off", host);
  }
  const elsewhere = [
    "db",
    "db.example.com",
    "10.0.0.1",
    "localhost.example.com",
    "127.0.0.1.example.com",
    "[::2]",
    "[::ffff:10.0.0.1]",
    "0.0.0.0",
  ];
  for (const host of elsewhere) assert.equal(tls(host), "certificate-and-host", host);
});

Deno.test("parsePostgresUrl() takes less TLS only if the URL says so, and never a fallback", () => {
  const tls = (mode: string) =>
    parsePostgresUrl(`postgres://u:p@db.example.com/?sslmode=${mode}`).tls;
  assert.equal(tls("disable"), "off");
  assert.equal(tls("allow"), "encrypted");
  assert.equal(tls("prefer"), "encrypted");
  assert.equal(tls("require"), "encrypted");
  assert.equal(tls("verify-ca"), "certificate");
  assert.equal(tls("verify-full"), "certificate-and-host");
});

Deno.test("parsePostgresUrl() refuses what it can't use without repeating the password", () => {
  for (
    const url of [
      "",
      "hunter2",
      "mysql://u:hunter2@h/db",
      "postgres://u:hunter2@/db",
      "postgres://u:hunter2@a,b/db",
      "postgres://:hunter2@h/db",
      "postgres://u:hunter2%@h/db",
      "postgres://u:hunter2@h/db?sslmode=off",
      "postgres://u:hunter2@h/db?sslmode=constructor",
      "postgres://u:hunter2@h:port/db",
    ]
  ) {
    assert.throws(() => parsePostgresUrl(url), (error) => {
      return error instanceof PostgresConnectionError && error.code === "INVALID_URL" &&
        !error.message.includes("hunter2");
    }, url);
  }
});
