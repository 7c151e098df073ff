import { AUTHORITY, TcpRelay, until } from "@countersign/fixture";
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { PostgresConnectionError } from "./errors.ts";
import { openSql, type OpenSqlOptions, type Sql, type TransactionSql } from "./open_sql.ts";

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

const ENDINGS: Readonly<Record<string, (transaction: TransactionSql) => Promise<unknown>>> = {
  "between two statements": () => Promise.resolve(),
  "in a statement": (transaction) => transaction`select pg_sleep(60)`,
  "in the first of two statements that are sent": (transaction) =>
    Promise.all([transaction`select pg_sleep(60)`, transaction`select 1`]),
};
for (const [when, wait] of Object.entries(ENDINGS)) {
  Deno.test(`openSql() fails a transaction whose session ends ${when}, and runs nothing of it later`, async () => {
    await withSql(target.superuserUrl, async (admin) => {
      await admin`drop table if exists public.left_over`;
      await admin`create table public.left_over (n int)`;
      await withSql(target.superuserUrl, async (sql) => {
        const session = Promise.withResolvers<number>();
        const outcome = sql.begin(async (transaction) => {
          const [row] = await transaction`select pg_backend_pid() as pid`;
          const ended = wait(transaction).catch(() => {});
          session.resolve(row?.pid);
          await ended;
          await until("the session has ended", async () => {
            const rows = await admin`select from pg_stat_activity where pid = ${row?.pid}`;
            return rows.length === 0;
          });
          await transaction`insert into public.left_over values (1)`;
        });
        const rejected = assert.rejects(outcome, { code: "CONNECTION_CLOSED" });
        await admin`select pg_terminate_backend(${await session.promise})`;
        await rejected;
        // postgres.js gives the next statement what the session said when it ended.
        await sql`select 1`.catch(() => {});
        const [row] = await sql`select count(*)::int as rows from public.left_over`;
        assert.equal(row?.rows, 0);
      });
    });
  });
}

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
