import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import postgres from "postgres";
import { connectPostgres, type ConnectPostgresOptions } from "./connect_postgres.ts";
import { PostgresConnectionError } from "./errors.ts";
import { AUTHORITY, FOR_LOCALHOST } from "@countersign/fixture";
import type { PostgresClient } from "./postgres_client.ts";

let target: LocalTarget;
let superuser: postgres.Sql;
const logged: string[] = [];

Deno.test.beforeAll(async () => {
  target = await startLocalTarget({
    function: false,
    migrations: false,
    onLog: (_source, line) => logged.push(line),
  });
  superuser = postgres(target.superuserUrl, { max: 1, onnotice: () => {} });
});
Deno.test.afterAll(async () => {
  await superuser.end();
  await target.stop();
});

function url(change: (url: URL) => void = () => {}): string {
  const url = new URL(target.databaseUrl);
  change(url);
  return url.href;
}

async function withClient(
  run: (client: PostgresClient) => Promise<void>,
  databaseUrl = target.databaseUrl,
  options: ConnectPostgresOptions = {},
): Promise<void> {
  const client = connectPostgres(databaseUrl, options);
  try {
    await run(client);
  } finally {
    await client.end();
  }
}

const backends = async () =>
  await superuser`select pid, query from pg_stat_activity where application_name = 'countersign'`;

/** How many attempts Postgres counts as failed. */
const refusedPasswords = () =>
  logged.filter((line) => line.includes("password authentication failed")).length;

/** Waits until a condition of the outside holds. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!await condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Has the server offer TLS with the certificate for localhost, until it is disposed of. */
async function presentCertificate(): Promise<AsyncDisposable> {
  const [row] = await superuser`select current_setting('data_directory') as directory`;
  const { certificate, key } = FOR_LOCALHOST;
  for (const [file, pem] of [["test.crt", certificate], ["test.key", key]]) {
    await superuser.unsafe(`copy (select unnest(string_to_array('${pem}', E'\\n')))
      to program 'umask 077; cat > ${row?.directory}/${file}'`);
  }
  await superuser.unsafe("alter system set ssl_cert_file = 'test.crt'");
  await superuser.unsafe("alter system set ssl_key_file = 'test.key'");
  const switchTls = async (to: "on" | "off") => {
    await superuser.unsafe(`alter system set ssl = ${to}`);
    await superuser`select pg_reload_conf()`;
    await until(async () => (await superuser`show ssl`)[0]?.ssl === to);
  };
  await switchTls("on");
  return { [Symbol.asyncDispose]: () => switchTls("off") };
}

Deno.test("connectPostgres() sends parameters as text and keeps one connection", async () => {
  await withClient(async (client) => {
    const awkward = "naïve 鍵 🔑 '; drop table x; -- \\ \"";
    const rows = await client.query("select $1::text as a, $2::text::int + 1 as b", [
      awkward,
      "41",
    ]);
    assert.deepEqual([...rows], [{ a: awkward, b: 42 }]);
    await Promise.all(Array.from({ length: 20 }, () => client.query("select 1 as one", [])));
    assert.equal((await backends()).length, 1);
  });
  await until(async () => (await backends()).length === 0);
});

Deno.test("connectPostgres() connects nowhere before the first statement, nor after its end", async () => {
  const client = connectPostgres(target.databaseUrl);
  assert.equal((await backends()).length, 0);
  await client.end();
  await assert.rejects(client.query("select 1", []), /ended/);
  assert.equal((await backends()).length, 0);
});

Deno.test("connectPostgres() refuses a server without TLS where the URL demands it", async () => {
  for (const sslmode of ["allow", "prefer", "require", "verify-ca", "verify-full"]) {
    const demanding = url((url) => url.searchParams.set("sslmode", sslmode));
    await withClient(
      (client) => assert.rejects(client.query("select 1", []), { code: "TLS_NOT_OFFERED" }),
      demanding,
    );
  }
  await withClient(async (client) => void await client.query("select 1", []));
});

Deno.test("connectPostgres() checks the certificate as sslmode asks", async () => {
  await using _ = await presentCertificate();
  const isEncrypted = async (host: string, sslmode: string, ca?: string) => {
    const client = connectPostgres(
      url((url) => {
        url.hostname = host;
        url.searchParams.set("sslmode", sslmode);
      }),
      ca === undefined ? {} : { ca },
    );
    try {
      const rows = await client.query(
        "select ssl from pg_stat_ssl where pid = pg_backend_pid()",
        [],
      );
      return rows[0]?.ssl;
    } finally {
      await client.end();
    }
  };
  // The certificate names localhost, not its address, and no public authority signed it.
  const untrusted = { code: "CERTIFICATE_NOT_TRUSTED" };
  await assert.rejects(isEncrypted("localhost", "verify-full"), untrusted);
  await assert.rejects(isEncrypted("localhost", "verify-ca"), untrusted);
  const otherHost = { code: "CERTIFICATE_HOST_MISMATCH" };
  await assert.rejects(isEncrypted("127.0.0.1", "verify-full", AUTHORITY), otherHost);
  assert.equal(await isEncrypted("localhost", "verify-full", AUTHORITY), true);
  assert.equal(await isEncrypted("127.0.0.1", "verify-ca", AUTHORITY), true);
  assert.equal(await isEncrypted("127.0.0.1", "require", AUTHORITY), true);
  for (const sslmode of ["allow", "prefer", "require"]) {
    assert.equal(await isEncrypted("localhost", sslmode), true, sslmode);
  }
  assert.equal(await isEncrypted("localhost", "disable"), false);
});

Deno.test("connectPostgres() tries a wrong password once, again after two seconds, and once it is right", async () => {
  await superuser`create role forgetful login password 'first'`;
  const before = refusedPasswords();
  const wrong = url((url) => {
    url.username = "forgetful";
    url.password = "second";
  });
  await withClient(async (client) => {
    const listener = await client.listen?.("channel", () => {}, () => {});
    const started = performance.now();
    while (performance.now() - started < 1_500) {
      const isRefused = (error: Error & { code?: string }) =>
        error.code === "28P01" && !error.message.includes("second");
      await Promise.all([1, 2].map(() => assert.rejects(client.query("select 1", []), isRefused)));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(refusedPasswords() - before, 1);

    await superuser`alter role forgetful password 'second'`;
    await until(() => client.query("select 1", []).then(() => true, () => false));
    assert.equal(refusedPasswords() - before, 1);
    await listener?.stop();
  }, wrong);
  await superuser`drop role forgetful`;
});

Deno.test("connectPostgres() rejects whatever waits for a connection that can't be opened", async () => {
  const nowhere = url((url) => url.port = "1");
  await withClient(async (client) => {
    await Promise.all(
      [1, 2, 3].map(() => assert.rejects(client.query("select 1", []), { code: "ECONNREFUSED" })),
    );
  }, nowhere);
  await withClient(async (client) => {
    const [, right] = await Promise.all([
      assert.rejects(client.query("selec", []), { code: "42601" }),
      client.query("select 1 as one", []),
    ]);
    assert.deepEqual([...right], [{ one: 1 }]);
  });
});

Deno.test("connectPostgres() tries once where a server accepts and hangs up", async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  for (const sslmode of ["disable", "require"]) {
    connections = 0;
    await withClient(
      (client) => assert.rejects(client.query("select 1", []), { code: "CONNECTION_CLOSED" }),
      `postgres://u:p@127.0.0.1:${address.port}/db?sslmode=${sslmode}`,
    );
    assert.equal(connections, 1, sslmode);
  }
  server.close();
  await once(server, "close");
});

Deno.test("connectPostgres() gives up a statement that takes too long, and works again", async () => {
  await withClient(
    async (client) => {
      await assert.rejects(client.query("select pg_sleep(5)", []), { code: "QUERY_TIMEOUT" });
      assert.deepEqual([...await client.query("select 1 as one", [])], [{ one: 1 }]);
    },
    target.databaseUrl,
    { queryTimeout: 250 },
  );
});

Deno.test("connectPostgres() connects again after its connection was ended", async () => {
  await withClient(async (client) => {
    const pid = async () => (await client.query("select pg_backend_pid() as pid", []))[0]?.pid;
    const before = await pid();
    await superuser`select pg_terminate_backend(${Number(before)}, 10_000)`;
    // A statement may still meet the connection that is going; then it is rejected, and not sent again.
    await until(() => pid().then((now) => now !== before, () => false));
  });
});

Deno.test("connectPostgres() listens, and listens again after its connection was ended", async () => {
  const client = connectPostgres(target.databaseUrl);
  const heard: string[] = [];
  let listening = 0;
  const listener = await client.listen?.(
    'a "channel"',
    (payload) => heard.push(payload),
    () => listening++,
  );
  await until(() => listening === 1);
  await superuser`select pg_notify('a "channel"', 'first')`;
  await until(() => heard.length === 1);

  await superuser`
    select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'countersign'`;
  await until(() => listening === 2);
  await superuser`select pg_notify('a "channel"', 'second')`;
  await until(() => heard.length === 2);
  assert.deepEqual(heard, ["first", "second"]);

  await listener?.stop();
  await client.end();
  await until(async () => (await backends()).length === 0);
});

Deno.test("connectPostgres() does not listen through a transaction pooler, nor unasked", async () => {
  const pooled = connectPostgres("postgres://u:p@pooler.example.com:6543/postgres");
  assert.equal(pooled.listen, undefined);
  const quiet = connectPostgres(target.databaseUrl, { listen: false });
  assert.equal(quiet.listen, undefined);
  await Promise.all([pooled.end(), quiet.end()]);
  assert.throws(() => connectPostgres("mysql://u:p@h/db"), PostgresConnectionError);
});
