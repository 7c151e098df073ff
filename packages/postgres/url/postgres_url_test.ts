import assert from "node:assert/strict";
import { PostgresConnectionError } from "../errors.ts";
import { parsePostgresUrl } from "./postgres_url.ts";

/** URLs that hold the password `hunter2`, and can't be used. */
const REFUSED = {
  "nothing": "",
  "no URL": "hunter2",
  "another scheme": "mysql://u:hunter2@h/db",
  "no host": "postgres://u:hunter2@/db",
  "two hosts": "postgres://u:hunter2@a,b/db",
  "no user": "postgres://:hunter2@h/db",
  "a port that is none": "postgres://u:hunter2@h:port/db",
  "a port out of range": "postgres://u:hunter2@h:99999/db",
  "an IPv6 address without brackets": "postgres://u:hunter2@2001:db8::1/db",
  "an unknown sslmode": "postgres://u:hunter2@h/db?sslmode=off",
  "an sslmode that every object has": "postgres://u:hunter2@h/db?sslmode=constructor",
  "a broken escape": "postgres://u:hunter2%@h/db",
  "U+0000 in the user, which would start another parameter": "postgres://u%00x:hunter2@h/db",
  "U+0000 in the password": "postgres://u:hunter2%00@h/db",
  "U+0000 in the database": "postgres://u:hunter2@h/db%00options",
  '"#" in the password': "postgres://u:hunter2#x@h/db",
  '"@" and "#" in the password': "postgres://u:hunter2@x#x@h/db",
  '"@" and "?" in the password': "postgres://u:hunter2@x?x@h/db",
  '"@" and "/" in the password': "postgres://u:hunter2@x/x@h/db",
  "a path of two parts": "postgres://u:hunter2@h/db/other",
};
for (const [what, url] of Object.entries(REFUSED)) {
  Deno.test(`parsePostgresUrl() refuses ${what}, and shows no password`, () => {
    assert.throws(() => parsePostgresUrl(url), (error) => {
      assert.ok(error instanceof PostgresConnectionError);
      assert.equal(error.code, "INVALID_URL");
      assert.match(error.message, /^Expected a connection URL /);
      assert.ok(!Deno.inspect(error).replaceAll(import.meta.url, "").includes("hunter2"));
      return true;
    });
  });
}

Deno.test("parsePostgresUrl() reads user, password, host, port and database", () => {
  assert.deepEqual(
    parsePostgresUrl("postgres://postgres.ref:p%40ss%2Fw%23%3F@db.example.com:6543/my%20db"),
    {
      host: "db.example.com",
      port: 6543,
      user: "postgres.ref",
      password: "p@ss/w#?",
      database: "my db",
      tls: "certificate-and-host",
    },
  );
  const { port, database, password } = parsePostgresUrl("postgresql://reader@db.example.com");
  assert.deepEqual({ port, database, password }, { port: 5432, database: "reader", password: "" });
  assert.equal(parsePostgresUrl("postgres://u:p@ss@h/db").password, "p@ss");
});

Deno.test("parsePostgresUrl() takes an IPv6 address out of its brackets, in its shortest form", () => {
  const read = (host: string) => parsePostgresUrl(`postgres://u:p@${host}:5433/db`);
  assert.deepEqual({ ...read("[::1]") }, {
    host: "::1",
    port: 5433,
    user: "u",
    password: "p",
    database: "db",
    tls: "off",
  });
  assert.equal(read("[0:0:0:0:0:0:0:1]").host, "::1");
  assert.equal(read("[2001:DB8::1]").host, "2001:db8::1");
  for (const elsewhere of ["[::2]", "[::ffff:10.0.0.1]", "[::ffff:127.0.0.1]"]) {
    assert.equal(read(elsewhere).tls, "certificate-and-host", elsewhere);
  }
});

Deno.test("parsePostgresUrl() takes the host from the parameter where there is one", () => {
  const read = (query: string) => parsePostgresUrl(`postgres://u:p@x/db?${query}`);
  assert.deepEqual([read("host=/tmp").host, read("host=/tmp").tls], ["/tmp", "off"]);
  assert.equal(read("host=/a%2525b").host, "/a%25b");
  assert.equal(read("host=[::1]").host, "::1");
  assert.equal(read("host=db.example.com").tls, "certificate-and-host");
});

Deno.test("parsePostgresUrl() asks for the TLS that sslmode names", () => {
  assert.equal(parsePostgresUrl("postgres://u:p@h/db?sslmode=require").tls, "encrypted");
  assert.equal(parsePostgresUrl("postgres://u:p@h/db?sslmode=disable").tls, "off");
  assert.equal(
    parsePostgresUrl("postgres://u:p@localhost/db?sslmode=verify-ca").tls,
    "certificate",
  );
});
