import { until } from "@countersign/fixture";
import assert from "node:assert/strict";
import postgres from "postgres";
import { leavesNothing, program } from "./fixtures/program.ts";
import { type LocalTarget, startLocalTarget } from "./mod.ts";

const BARE = { migrations: false, function: false } as const;

/** Milliseconds: long enough for a machine that does much else. */
const PATIENCE = 30_000;

const WIDGETS = `
  create table public.widgets (name text primary key);
  grant select, insert on public.widgets to service_role;
`;

Deno.test("startLocalTarget() applies sql as postgres and serves it", async () => {
  await using target = await startLocalTarget({
    ...BARE,
    sql: [WIDGETS, "insert into public.widgets values (current_user)"],
  });
  const headers = { apikey: target.secretKey };
  const response = await fetch(`${target.restUrl}/widgets`, { headers });
  assert.deepEqual(await response.json(), [{ name: "postgres" }]);
  const direct = await fetch(`${target.postgrestUrl}/widgets`);
  assert.equal(direct.status, 401);
  assert.equal((await direct.json()).code, "42501");
});

Deno.test("startLocalTarget() applies Countersign's migrations by default", async () => {
  await using target = await startLocalTarget({ function: false });
  const headers = { apikey: target.serviceRoleKey };
  const response = await fetch(`${target.restUrl}/jwt_issuers`, { headers });
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), []);
});

Deno.test("startLocalTarget() starts several at once, each with its own data and keys", async () => {
  const [first, second] = await Promise.all([
    startLocalTarget({ ...BARE, sql: [WIDGETS] }),
    startLocalTarget(BARE),
  ]);
  try {
    const status = async (at: LocalTarget, key: LocalTarget) => {
      const headers = { apikey: key.secretKey };
      const response = await fetch(`${at.restUrl}/widgets`, { headers });
      await response.body?.cancel();
      return response.status;
    };
    assert.equal(await status(first, first), 200);
    assert.equal(await status(second, second), 404);
    assert.equal(await status(first, second), 401);
    const theirs = { apikey: first.anonKey, authorization: `Bearer ${second.serviceRoleKey}` };
    const response = await fetch(`${first.restUrl}/widgets`, { headers: theirs });
    await response.body?.cancel();
    assert.equal(response.status, 401);
  } finally {
    await Promise.all([first.stop(), second.stop()]);
  }
});

Deno.test("LocalTarget.stop() leaves no process, port or file, and may be called twice", async () => {
  const report = await leavesNothing(`
    const entrypoint = "data:text/javascript,Deno.serve({port:+Deno.env.get('PORT')},()=>new Response())";
    const target = await startLocalTarget({ migrations: false, function: { entrypoint } });
    const before = (await childProcesses()).length;
    await Promise.all([target.stop(), target.stop()]);
    await target.stop();
    const listening = [];
    for (const url of [target.url, target.postgrestUrl, target.databaseUrl]) {
      await Deno.connect({ port: Number(new URL(url).port) }).then(() => listening.push(url), () => {});
    }
    console.log(JSON.stringify({ before, after: await childProcesses(), listening }));
  `);
  // Postgres, PostgREST, the function, and the one that cleans up.
  assert.deepEqual(report, { before: 4, after: [], listening: [] });
});

Deno.test("LocalTarget.stop() does not wait for requests that hang", async () => {
  const arrived = Promise.withResolvers<void>();
  const target = await startLocalTarget({
    ...BARE,
    functionHandler: ({ signal }) => {
      arrived.resolve();
      return new Promise((resolve) => {
        signal.addEventListener("abort", () => resolve(new Response()));
      });
    },
  });
  const request = fetch(`${target.functionsUrl}/rest`).then((response) => response.text());
  const failed = assert.rejects(request, TypeError);
  await arrived.promise;
  await target.stop();
  await failed;
});

Deno.test("startLocalTarget() that fails leaves nothing and says why", async () => {
  const cases: [Parameters<typeof startLocalTarget>[0], string, RegExp][] = [
    [
      { ...BARE, sql: ["create table nowhere.x ()"] },
      "sql_failed",
      /schema "nowhere" does not exist/,
    ],
    [
      { migrations: false, function: { entrypoint: "/nowhere.ts" } },
      "process_failed",
      /Module not found/,
    ],
    [
      { migrations: false, function: { denoPath: "/nowhere/deno" } },
      "process_failed",
      /Cannot execute "\/nowhere\/deno"/,
    ],
    [
      { ...BARE, postgres: { directory: "/nowhere" } },
      "postgres_unavailable",
      /see what "\/nowhere\/bin\/postgres --version" says/,
    ],
    [
      { ...BARE, sql: ["alter role authenticator password 'unknown to PostgREST'"] },
      "process_failed",
      /postgrest ended with .* before it was ready/,
    ],
  ];
  for (const [options, code, message] of cases) {
    const report = await leavesNothing(`
      const error = await startLocalTarget(${JSON.stringify(options)}).catch((error) => error);
      const { code, message } = error;
      console.log(JSON.stringify([code, message, await childProcesses()]));
    `) as [string, string, string[]];
    assert.equal(report[0], code);
    assert.match(report[1], message);
    assert.deepEqual(report[2], []);
  }
});

Deno.test("startLocalTarget() on a port that is taken fails at once and leaves nothing", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const report = await leavesNothing(`
    const error = await startLocalTarget({ port: ${port} }).catch((error) => error);
    console.log(JSON.stringify([error.code, error.message, await childProcesses()]));
  `);
  const message = `Cannot listen on port ${port} of 127.0.0.1: the port is in use`;
  assert.deepEqual(report, ["port_unavailable", message, []]);
  listener.close();
  await using target = await startLocalTarget({ ...BARE, port });
  assert.equal(target.url, `http://127.0.0.1:${port}`);
});

Deno.test("startLocalTarget() without a temporary folder says which variable to set", async () => {
  const child = program(
    `const error = await startLocalTarget().catch((error) => error);
     console.log(JSON.stringify([error.code, error.message, await childProcesses()]));`,
    "/nowhere",
  ).spawn();
  await child.stdin.close();
  const { stdout } = await child.output();
  const [code, message, children] = JSON.parse(new TextDecoder().decode(stdout));
  assert.equal(code, "no_temporary_folder");
  assert.match(message, /^Cannot create a folder in "\/nowhere": set TMPDIR /);
  assert.deepEqual(children, []);
});

Deno.test("startLocalTarget() works behind HTTP_PROXY, which cannot reach it", async () => {
  const report = await leavesNothing(
    `
    const entrypoint = "data:text/javascript,Deno.serve({port:+Deno.env.get('PORT')},()=>new Response('here'))";
    const target = await startLocalTarget({ migrations: false, function: { entrypoint } });
    const ask = (url) => new Promise((resolve, reject) => get(url, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on("error", reject));
    console.log(JSON.stringify([await ask(target.functionsUrl + "/rest"), await ask(target.restUrl + "/?apikey=" + target.secretKey)]));
    await target.stop();
  `,
    { HTTP_PROXY: "http://127.0.0.1:9", HTTPS_PROXY: "http://127.0.0.1:9" },
  );
  assert.deepEqual(report, [200, 200]);
});

Deno.test("Service.stop() and start() take Postgres and PostgREST away and bring them back", async () => {
  await using target = await startLocalTarget({ ...BARE, sql: [WIDGETS] });
  const ask = () =>
    fetch(`${target.restUrl}/widgets`, { headers: { apikey: target.secretKey } })
      .then(async (response) => [response.status, await response.json()]);
  assert.deepEqual(await ask(), [200, []]);

  await target.postgrest.stop();
  assert.equal((await ask())[0], 502);
  await target.postgrest.start();
  assert.deepEqual(await ask(), [200, []]);

  await target.postgres.stop();
  // The first requests still meet the pool's connections, which the crash has closed.
  await until("Postgres is away", async () => (await ask())[0] === 503, PATIENCE);
  await target.postgres.start();
  await target.postgrest.restart();
  assert.deepEqual(await ask(), [200, []]);
});

Deno.test("LocalTarget.reloadSchema() resolves when a new table can be reached", async () => {
  await using target = await startLocalTarget(BARE);
  const sql = postgres(target.databaseUrl, { max: 1 });
  try {
    for (let round = 0; round < 5; round++) {
      await sql.unsafe(`
        create table public.round_${round} ();
        grant select on public.round_${round} to service_role`);
      await target.reloadSchema();
      const headers = { apikey: target.secretKey };
      const response = await fetch(`${target.restUrl}/round_${round}`, { headers });
      await response.body?.cancel();
      assert.equal(response.status, 200);
    }
  } finally {
    await sql.end();
  }
});

Deno.test("PostgREST reads the schema again by itself after a change of it", async () => {
  await using target = await startLocalTarget(BARE);
  const sql = postgres(target.databaseUrl, { max: 1 });
  const status = async () => {
    const headers = { apikey: target.secretKey };
    const response = await fetch(`${target.restUrl}/widgets`, { headers });
    await response.body?.cancel();
    return response.status;
  };
  try {
    assert.equal(await status(), 404);
    await sql.unsafe(WIDGETS);
    await until("the table can be reached", async () => await status() === 200, PATIENCE);
    await sql`drop table public.widgets`;
    await until("the table is gone", async () => await status() === 404, PATIENCE);
  } finally {
    await sql.end();
  }
});

Deno.test("startLocalTarget() takes a secret, or a key set beside its own", async () => {
  const secret = "the secret of a project that moved";
  await using one = await startLocalTarget({ ...BARE, postgrest: { jwtSecret: secret } });
  assert.equal(one.jwtSecret, secret);

  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const jwk = { ...await crypto.subtle.exportKey("jwk", pair.publicKey), kid: "k1", alg: "ES256" };
  await using target = await startLocalTarget({
    ...BARE,
    sql: [WIDGETS],
    postgrest: { jwtSecret: JSON.stringify({ keys: [jwk] }) },
  });
  const part = (value: unknown) =>
    btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const exp = Math.floor(Date.now() / 1000) + 60;
  const input = `${part({ alg: "ES256", kid: "k1" })}.${part({ role: "service_role", exp })}`;
  const signature = await crypto.subtle.sign(
    { name: "ECDSA", hash: "SHA-256" },
    pair.privateKey,
    new TextEncoder().encode(input),
  );
  const token = `${input}.${
    new Uint8Array(signature).toBase64({ alphabet: "base64url", omitPadding: true })
  }`;
  for (const authorization of [`Bearer ${token}`, undefined]) {
    const headers = new Headers({ apikey: target.secretKey });
    if (authorization !== undefined) headers.set("authorization", authorization);
    const response = await fetch(`${target.restUrl}/widgets`, { headers });
    assert.deepEqual([response.status, await response.json()], [200, []]);
  }
});
