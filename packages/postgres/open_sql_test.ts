import { AUTHORITY, TcpRelay, until } from "@countersign/fixture";
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { PostgresConnectionError } from "./errors.ts";
import { openSql, type OpenSqlOptions, type Sql } from "./open_sql.ts";

let target: LocalTarget;

Deno.test.beforeAll(async () => {
  target = await startLocalTarget({ function: false, migrations: false });
});
Deno.test.afterAll(() => target.stop());

async function withSql(
  url: string,
  run: (sql: Sql) => Promise<void>,
  options?: OpenSqlOptions,
): Promise<void> {
  const sql = openSql(url, options);
  try {
    await run(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

Deno.test("openSql() refuses a URL that can't be used, and shows no password", () => {
  assert.throws(() => openSql("postgres://u:hunter2@h/db?sslmode=no"), (error) => {
    assert.ok(error instanceof PostgresConnectionError);
    assert.equal(error.code, "INVALID_URL");
    return !error.message.includes("hunter2");
  });
});

Deno.test("openSql() runs templates and transactions over one connection", async () => {
  await withSql(target.databaseUrl, async (sql) => {
    const pids = await Promise.all([1, 2, 3].map(() => sql`select pg_backend_pid() as pid`));
    assert.equal(new Set(pids.map(([row]) => row?.pid)).size, 1);
    const inside = await sql.begin(async (transaction) => {
      await transaction`set local application_name = 'inside'`;
      const [row] = await transaction`select current_setting('application_name') as name`;
      return row?.name;
    });
    const [row] = await sql`select current_setting('application_name') as name`;
    assert.deepEqual([inside, row?.name], ["inside", "countersign"]);
  });
});

Deno.test("openSql() rejects every statement while there is no server, and works once there is", async () => {
  await using relay = new TcpRelay(target.databaseUrl);
  await withSql(relay.through(target.databaseUrl), async (sql) => {
    relay.cut();
    for (let attempt = 0; attempt < 3; attempt++) {
      const refused = [1, 2, 3].map(() => assert.rejects(async () => await sql`select 1`));
      await Promise.all(refused);
      await assert.rejects(sql.begin((transaction) => transaction`select 1`));
    }
    relay.open();
    assert.deepEqual([...await sql`select 1 as one`], [{ one: 1 }]);
  });
});

Deno.test("openSql() rejects what was under way on a lost connection, and connects again", async () => {
  await using relay = new TcpRelay(target.databaseUrl);
  await withSql(relay.through(target.databaseUrl), async (sql) => {
    for (let loss = 0; loss < 3; loss++) {
      assert.deepEqual([...await sql`select 1 as one`], [{ one: 1 }]);
      const { asked } = relay;
      const slow = assert.rejects(async () => await sql`select pg_sleep(60)`, {
        code: "CONNECTION_CLOSED",
      });
      await until("the statement is on its way", () => relay.asked > asked);
      relay.cut();
      await slow;
      relay.open();
    }
    assert.deepEqual([...await sql`select 1 as one`], [{ one: 1 }]);
  });
});

Deno.test("openSql() gives up a server that is silent in time, with TLS or without", async () => {
  await using relay = new TcpRelay(target.databaseUrl);
  relay.hold();
  for (const sslmode of ["disable", "require"]) {
    await withSql(
      `${relay.through(target.databaseUrl)}?sslmode=${sslmode}`,
      (sql) => assert.rejects(async () => await sql`select 1`, { code: "CONNECT_TIMEOUT" }),
      { connectTimeout: 200 },
    );
  }
  relay.open();
});

Deno.test("openSql() says that TLS is not offered, and connects without where the URL says so", async () => {
  const url = (sslmode: string) => `${target.databaseUrl}?sslmode=${sslmode}`;
  await withSql(
    url("verify-full"),
    (sql) =>
      assert.rejects(async () => await sql`select 1`, (error) => {
        assert.ok(error instanceof PostgresConnectionError);
        assert.equal(error.code, "TLS_NOT_OFFERED");
        assert.match(error.message, /does not offer TLS.*sslmode=disable/);
        return true;
      }),
    { ca: AUTHORITY },
  );
  await withSql(url("disable"), async (sql) => void await sql`select 1`);
});

Deno.test("openSql() reaches Postgres through an IPv6 address", async () => {
  const { hostname, port } = new URL(target.databaseUrl);
  let connections = 0;
  const server = createServer((inbound) => {
    connections++;
    const outbound = connect(Number(port), hostname);
    inbound.pipe(outbound).on("error", () => inbound.destroy());
    outbound.pipe(inbound).on("error", () => outbound.destroy());
  }).listen(0, "::1");
  await once(server, "listening");
  const url = new URL(target.databaseUrl);
  url.hostname = "[::1]";
  url.port = String((server.address() as AddressInfo).port);
  await withSql(url.href, async (sql) => {
    assert.deepEqual([...await sql`select 1 as one`], [{ one: 1 }]);
  });
  assert.equal(connections, 1);
  server.close();
  await once(server, "close");
});
