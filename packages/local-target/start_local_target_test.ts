import assert from "node:assert/strict";
import postgres from "postgres";
import { type LocalTarget, startLocalTarget } from "./mod.ts";

const BARE = { migrations: false, function: false } as const;

const WIDGETS = `
  create table public.widgets (name text primary key);
  grant select, insert on public.widgets to service_role;
`;

async function listens(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  try {
    (await Deno.connect({ hostname, port: Number(port) })).close();
    return true;
  } catch (error) {
    const { ConnectionRefused, ConnectionReset } = Deno.errors;
    // Reset is who connects in the moment in which it stops listening.
    if (error instanceof ConnectionRefused || error instanceof ConnectionReset) return false;
    throw error;
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!await condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A program of its own, with `startLocalTarget` in scope and a temporary directory of its own. */
function program(source: string, temporary: string): Deno.Command {
  const module = `
    import { startLocalTarget } from ${JSON.stringify(import.meta.resolve("./mod.ts"))};
    const childProcesses = async () => {
      const { stdout } = await new Deno.Command("ps", { args: ["-A", "-o", "ppid=,args="] }).output();
      return new TextDecoder().decode(stdout).split("\\n").filter((line) =>
        line.trim().startsWith(Deno.pid + " ") && !line.includes("ps -A"));
    };
    ${source}`;
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "--no-check",
      `--config=${import.meta.dirname}/deno.json`,
      `data:application/typescript,${encodeURIComponent(module)}`,
    ],
    env: { TMPDIR: temporary },
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs it to its end, requires that it leaves no file and no process, and returns what it prints as JSON. */
async function leavesNothing(source: string): Promise<unknown> {
  const temporary = await Deno.makeTempDir();
  // Postgres must be able to enter it, whoever it runs as.
  await Deno.chmod(temporary, 0o755);
  const { stdout, stderr } = await program(source, temporary).output();
  // Fails on what is not empty.
  await Deno.remove(temporary);
  const text = new TextDecoder();
  assert.notEqual(stdout.length, 0, text.decode(stderr));
  return JSON.parse(text.decode(stdout));
}

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

Deno.test("startLocalTarget() on a port that is taken fails and leaves nothing", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const report = await leavesNothing(`
    const error = await startLocalTarget({ port: ${port} }).catch((error) => error);
    console.log(JSON.stringify([error.name, await childProcesses()]));
  `);
  assert.deepEqual(report, ["AddrInUse", []]);
  listener.close();
  await using target = await startLocalTarget({ ...BARE, port });
  assert.equal(target.url, `http://127.0.0.1:${port}`);
});

Deno.test("LocalTarget is gone when its program is, however that ends", async () => {
  for (const signal of ["SIGKILL", "SIGINT", "SIGTERM"] as const) {
    const temporary = await Deno.makeTempDir();
    await Deno.chmod(temporary, 0o755);
    const child = program(
      `const target = await startLocalTarget(${JSON.stringify(BARE)});
       console.log(target.databaseUrl);
       await new Promise(() => {});`,
      temporary,
    ).spawn();
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const databaseUrl = (await output.read()).value?.trim() ?? "";
    assert(await listens(databaseUrl));
    child.kill(signal);
    assert.equal((await child.status).signal, signal);
    await output.cancel();
    await child.stderr.cancel();
    await until(async () => !await listens(databaseUrl));
    await until(async () => (await Array.fromAsync(Deno.readDir(temporary))).length === 0);
    await Deno.remove(temporary);
  }
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
  await until(async () => (await ask())[0] === 503);
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
    await until(async () => await status() === 200);
    await sql`drop table public.widgets`;
    await until(async () => await status() === 404);
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
