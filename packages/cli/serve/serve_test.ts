/** `countersign serve --workers`, as a process on a real target. */
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import { deactivateIssuer, registerPublicKey } from "@countersign/registry-admin";
import { createTokenSource, generateIssuerKeyPair } from "@countersign/signer";
import assert from "node:assert/strict";
import postgres from "postgres";
import { type HttpAnswer, HttpConnection, until } from "@countersign/fixture";
import { assertFailed, cli } from "../fixtures/cli.ts";

const MAIN = new URL("../main.ts", import.meta.url).href;
/** All of them at one of two workers is as likely as heads 24 times in a row. */
const CONNECTIONS = 24;
const MAX_STALENESS = 2_000;
const SCHEMA = `
  create table public.widgets (name text not null);
  select countersign.create_writer_role('widgets_writer');
  grant select, insert on public.widgets to widgets_writer;
  create function public.slow() returns int language sql as 'select 1 from pg_sleep(0.5)';
`;

let local: LocalTarget;
let sql: ReturnType<typeof postgres>;

Deno.test.beforeAll(async () => {
  local = await startLocalTarget({ function: false, sql: [SCHEMA] });
  sql = postgres(local.superuserUrl, { max: 1 });
});

Deno.test.afterAll(async () => {
  await sql.end();
  await local.stop();
});

interface Serving extends AsyncDisposable {
  readonly child: Deno.ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Once it says where. */
  readonly listening: () => Promise<string>;
  /** How it ended, with all that it has printed. */
  readonly ended: () => Promise<{ code: number; stdout: string; stderr: string }>;
}

function start(denoArgs: readonly string[], env: Readonly<Record<string, string>> = {}): Serving {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...denoArgs],
    env: {
      SUPABASE_URL: local.url,
      COUNTERSIGN_DB_URL: local.databaseUrl,
      COUNTERSIGN_JWT_SECRET: local.jwtSecret,
      COUNTERSIGN_UPSTREAM_URL: local.postgrestUrl,
      COUNTERSIGN_MAX_STALENESS: `${MAX_STALENESS}ms`,
      NO_COLOR: "1",
      ...env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const printed = { stdout: "", stderr: "" };
  const read = async (name: "stdout" | "stderr") => {
    for await (const text of child[name].pipeThrough(new TextDecoderStream())) {
      printed[name] += text;
    }
  };
  let over = false;
  const ended = Promise.all([child.status, read("stdout"), read("stderr")])
    .then(([{ code }]) => {
      over = true;
      return { code, ...printed };
    });
  return {
    child,
    stdout: () => printed.stdout,
    stderr: () => printed.stderr,
    listening: async () => {
      const url = () => /listening on (http:\S+)\n/.exec(printed.stdout)?.[1];
      await Promise.race([until("it listens", () => url() !== undefined, 20_000), ended]);
      return url() ?? assert.fail(printed.stderr);
    },
    ended: async () => {
      await until("it ends", () => over, 20_000);
      return await ended;
    },
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch (error) {
        // It has ended.
        if (!(error instanceof TypeError)) throw error;
      }
      await ended;
    },
  };
}

const serve = (args: readonly string[], env?: Readonly<Record<string, string>>) =>
  start(["run", "-A", "--unstable-net", MAIN, "serve", ...args], env);

async function registered(issuer: string): Promise<() => Promise<string>> {
  const { privateKey, publicKey } = await generateIssuerKeyPair({ algorithm: "ES256" });
  const roles = ["widgets_writer"];
  await registerPublicKey({
    databaseUrl: local.databaseUrl,
    issuer,
    publicKey,
    algorithm: "ES256",
    roles,
  });
  const claims = { sub: "press-1", role: roles[0]! };
  return createTokenSource({
    privateKey,
    issuer,
    audience: local.url,
    claims,
    algorithm: "ES256",
  });
}

function post(connection: HttpConnection, path: string, token: string): Promise<HttpAnswer> {
  const body = path === "/widgets" ? '{"name":"sprocket"}' : "{}";
  return connection.send(
    `POST /rest/v1${path} HTTP/1.1\r\nHost: local\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
}

function connect(url: string, count: number): Promise<HttpConnection[]> {
  return Promise.all(Array.from({ length: count }, () => HttpConnection.open(url)));
}

Deno.test("countersign serve --workers 2 writes on every connection, and refuses on every one once revoked", async () => {
  const sign = await registered("several-workers");
  await using serving = serve(["--workers", "2", "--port", "0"]);
  const url = await serving.listening();
  using held = new DisposableStack();
  const connections = await connect(url, CONNECTIONS);
  for (const connection of connections) held.use(connection);

  const write = async () => {
    const token = await sign();
    return await Promise.all(connections.map((connection) => post(connection, "/widgets", token)));
  };
  assert.deepEqual((await write()).map(({ status }) => status), connections.map(() => 201));
  assert.equal(Number((await sql`select count(*) from widgets`)[0]!.count), CONNECTIONS);
  // Two workers have answered, each with a connection for statements and one that listens.
  const opened = await sql`select pid from pg_stat_activity where application_name = 'countersign'`;
  assert.equal(opened.length, 4);

  await deactivateIssuer({ databaseUrl: local.databaseUrl }, "several-workers");
  let refused: HttpAnswer[] = [];
  await until("all refuse", async () => {
    refused = await write();
    return refused.every(({ status }) => status === 401);
  }, MAX_STALENESS);
  assert.deepEqual((await write()).map(({ status }) => status), connections.map(() => 401));

  const ids = refused.map(({ headers }) => headers.get("countersign-request-id") ?? "missing");
  await until(
    "every refusal is in the log",
    () => ids.every((id) => serving.stderr().includes(id)),
  );
  const line = serving.stderr().split("\n").find((line) => line.includes(ids[0]!))!;
  assert.equal(JSON.parse(line).reason, "inactive_issuer");

  const port = new URL(url).port;
  for (const workers of ["1", "2"]) {
    await using second = serve(["--workers", workers, "--port", port]);
    const { code, stdout, stderr } = await second.ended();
    assertFailed({ code: code === 1 ? 1 : 0, stdout, stderr }, 1, /the port is in use/);
    assert.match(stderr, new RegExp(`port ${port} of "127\\.0\\.0\\.1"`));
  }
  assert.equal((await fetch(`${url}/rest/-/readyz`)).status, 200);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`countersign serve --workers 2 answers what is under way after ${signal}, and ends`, async () => {
    const sign = await registered(`under-way-${signal}`);
    await using serving = serve(["--workers", "2", "--port", "0", "--json"]);
    await until("it listens", () => serving.stdout().endsWith("\n"), 20_000);
    const { url, workers } = JSON.parse(serving.stdout());
    assert.equal(workers, 2);
    const connections = await connect(url, 6);
    const token = await sign();
    const answers = Promise.all(
      connections.map((connection) => post(connection, "/rpc/slow", token)),
    );
    await until("all are under way", async () => {
      const [running] = await sql`select count(*) from pg_stat_activity
        where state = 'active' and wait_event = 'PgSleep'`;
      return Number(running!.count) === connections.length;
    });
    serving.child.kill(signal);
    assert.deepEqual((await answers).map(({ status }) => status), connections.map(() => 200));
    const { code, stderr } = await serving.ended();
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    await assert.rejects(HttpConnection.open(url), Deno.errors.ConnectionRefused);
    for (const connection of connections) connection[Symbol.dispose]();
  });
}

for (
  const [when, printed, message] of [
    ["before it listens", /^$/, /A worker has ended before it listened/],
    ["while it serves", /^listening on \S+\n$/, /The proxy stopped unexpectedly/],
  ] as const
) {
  Deno.test(`countersign serve --workers 3 ends with 1 when a worker is lost ${when}`, async () => {
    const file = (name: string) => new URL(name, import.meta.url).href;
    // A message that no worker expects makes one throw, as a defect would.
    const losing = `
      import { processIo } from "${file("../io.ts")}";
      import { runCli } from "${file("../run.ts")}";
      const workers = [];
      const lose = () => workers[1].postMessage("lose this one");
      globalThis.Worker = class extends Worker {
        constructor(...args) {
          super(...args);
          if (workers.push(this) === 2 && ${when === "before it listens"}) lose();
        }
      };
      const stdout = (text) => { processIo().stdout(text); lose(); };
      Deno.exit(await runCli(["serve", "--workers", "3", "--port", "0"], { ...processIo(), stdout }));
    `;
    await using serving = start(["eval", "--unstable-net", losing]);
    const { code, stdout, stderr } = await serving.ended();
    assert.equal(code, 1);
    assert.match(stdout, printed);
    // Above it stands what Deno says of the worker's error.
    assert.match(stderr.trimEnd().split("\n").at(-1)!, message);
  });
}

for (const args of [["--workers", "2"], []]) {
  Deno.test(`${["countersign serve", ...args].join(" ")} names what is missing, once`, async () => {
    await using serving = serve(args, { SUPABASE_URL: "", COUNTERSIGN_JWT_SECRET: "hunter2" });
    const { code, stdout, stderr } = await serving.ended();
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
    assert.match(stderr, /^error: [^\n]*"SUPABASE_URL": [^\n]*"COUNTERSIGN_JWT_SECRET": [^\n]*\n$/);
    assert(!stderr.includes("hunter2"));
  });
}

for (
  const [args, code, message] of [
    [["--workers", "0"], 2, /--workers to be from 1 to 64/],
    [["--workers", "65"], 2, /--workers to be from 1 to 64/],
    [["--workers", "-1"], 2, /--workers to be a whole number/],
    [["--workers", "x"], 2, /--workers to be a whole number/],
    [["--workers", "1.5"], 2, /--workers to be a whole number/],
    [["--workers", "2"], 2, /Deno's flag --unstable-net/],
    [["--port", "65536"], 2, /--port to be from 0 to 65535/],
    [
      ["--port", "0", "--hostname", "192.0.2.1"],
      1,
      /address of this machine, found "192\.0\.2\.1"/,
    ],
  ] as const
) {
  Deno.test(`countersign serve ${args.join(" ")} ends with ${code}`, async () => {
    const env = {
      SUPABASE_URL: local.url,
      COUNTERSIGN_DB_URL: local.databaseUrl,
      COUNTERSIGN_JWT_SECRET: local.jwtSecret,
      COUNTERSIGN_UPSTREAM_URL: local.postgrestUrl,
    };
    assertFailed(await cli(["serve", ...args], { env }), code, message);
  });
}
