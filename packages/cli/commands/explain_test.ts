import { generateIssuerKeyPair, signMultiIssuerJwt } from "@countersign/signer";
import { applyMigrations, registerPublicKey } from "@countersign/registry-admin";
import assert from "node:assert/strict";
import { altered } from "../fixtures/broken.ts";
import { assertFailed, cli, type Outcome } from "../fixtures/cli.ts";
import { type DoctorStage, openDoctorStage } from "../fixtures/doctor_stage.ts";

let stage: DoctorStage;
let privateKey: string;

Deno.test.beforeAll(async () => {
  stage = await openDoctorStage();
  const pair = await generateIssuerKeyPair({ algorithm: "ES256" });
  privateKey = pair.privateKey;
  await stage.sql.unsafe("select countersign.create_writer_role('fragile_writer')");
  await registerPublicKey({
    sql: stage.sql,
    issuer: "billing",
    publicKey: pair.publicKey,
    roles: ["notes_writer", "fragile_writer"],
  });
});

Deno.test.afterAll(async () => await stage[Symbol.asyncDispose]());

const sign = (claims: Record<string, unknown> = {}, audience = stage.target.url) =>
  signMultiIssuerJwt({
    privateKey,
    issuer: "billing",
    algorithm: "ES256",
    audience,
    claims: { sub: "job-1", role: "notes_writer", ...claims },
  });

const overSql = () => ({
  SUPABASE_URL: stage.target.url,
  COUNTERSIGN_ADMIN_DB_URL: stage.target.databaseUrl,
});
const overRest = () => ({
  SUPABASE_URL: stage.target.url,
  SUPABASE_SERVICE_ROLE_KEY: stage.target.serviceRoleKey,
});

async function explain(
  token: string,
  env: Record<string, string>,
  ...args: string[]
): Promise<Outcome> {
  return await cli(["explain", token, ...args], { env, fetch });
}

/** What the function really makes of it. */
async function status(token: string): Promise<number> {
  const response = await fetch(`${stage.target.functionsUrl}/rest/notes`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ text: "hello" }),
  });
  await response.body?.cancel();
  return response.status;
}

Deno.test("explain knows everything with a database, and asks the function with --ask", async () => {
  const token = await sign();
  assert.equal(await status(token), 201);
  const known = await explain(token, overSql());
  assert.equal(known.code, 0);
  assert.match(
    known.stdout,
    /accepted as far as this machine knows, with the role notes_writer\nnot asked: the function itself; --ask sends it the token\n$/,
  );
  const asked = await explain(token, overSql(), "--ask");
  assert.equal(asked.code, 0);
  assert.match(
    asked.stdout,
    /accepted: the function, PostgREST and the guard accept it, with the role notes_writer\n$/,
  );
});

Deno.test("explain judges the audience by what the function reports", async () => {
  await using _function = stage.deploy({ COUNTERSIGN_AUDIENCE: "prod" });
  const token = await sign();
  assert.equal(await status(token), 401);
  for (const env of [overSql(), overRest()]) {
    const { code, stdout } = await explain(token, env);
    assert.match(
      stdout,
      /audience +FAILED [^]*registry: one of \["prod"\]\n[^]*rejected: wrong_audience\n$/,
    );
    assert.equal(code, 1);
  }
  const meant = await sign({}, "prod");
  assert.equal(await status(meant), 201);
  assert.match((await explain(meant, overSql())).stdout, /audience +ok/);
});

Deno.test("explain does not take another spelling of the project for the project", async () => {
  const localhost = stage.target.url.replace("127.0.0.1", "localhost");
  const token = await sign({}, localhost);
  assert.equal(await status(token), 401);
  const { code, stdout } = await explain(token, { ...overSql(), SUPABASE_URL: localhost });
  assert.match(stdout, /rejected: wrong_audience\n$/);
  assert.equal(code, 1);
});

Deno.test("explain says that it does not know which issuers the function allows, unless it is told", async () => {
  await using _function = stage.deploy({ COUNTERSIGN_ALLOWED_ISSUERS: "crm" });
  const token = await sign();
  assert.equal(await status(token), 401);
  const unknown = await explain(token, overSql());
  assert.match(
    unknown.stdout,
    /not asked: whether COUNTERSIGN_ALLOWED_ISSUERS of the function names the issuer\n$/,
  );
  const told = await explain(token, { ...overSql(), COUNTERSIGN_ALLOWED_ISSUERS: "crm" });
  assert.match(told.stdout, /rejected: issuer_not_allowed\n$/);
  assert.equal(told.code, 1);

  const asked = await explain(token, overSql(), "--ask");
  assert.equal(asked.code, 1);
  assert.match(
    asked.stdout,
    /the function says otherwise: rejected: token_refused\non this machine: accepted [^]*countersign doctor compares/,
  );
});

Deno.test("explain judges times by the function's clock", async () => {
  const late = () => Date.now() - 120_000;
  await using _function = stage.deploy({}, late);
  using _clock = stage.wrap(async (request, inner) => {
    const response = await inner(request);
    const headers = new Headers(response.headers);
    headers.set("date", new Date(late()).toUTCString());
    return new Response(response.body, { status: response.status, headers });
  });
  const token = await sign();
  assert.equal(await status(token), 401);
  const { code, stdout } = await explain(token, overSql());
  assert.match(stdout, /times +FAILED [^]*rejected: not_yet_valid\n$/);
  assert.equal(code, 1);
});

Deno.test("explain says when the function reads another registry", async () => {
  await stage.sql.unsafe("create database copied");
  const copy = altered(stage.target.databaseUrl, (url) => url.pathname = "/copied");
  await applyMigrations(copy);
  {
    await using _function = stage.deploy({ COUNTERSIGN_DB_URL: copy });
    const token = await sign();
    assert.equal(await status(token), 401);
    const { stdout } = await explain(token, overSql());
    assert.match(
      stdout,
      /not asked: audience; the registry that the function at http\S+ reads, which is another one\n$/,
    );
  }
  await stage.sql.unsafe("drop database copied with (force)");
});

Deno.test("explain says that it asked no function where none answers", async () => {
  using _function = stage.wrap(() => new Response("gone", { status: 404 }));
  const { stdout } = await explain(await sign(), overSql());
  assert.match(stdout, /not asked: audience; the function, which does not answer at http/);
  const asked = await explain(await sign(), overSql(), "--ask");
  assert.match(asked.stdout, /the function says otherwise: rejected: status 404\n/);
  assert.equal(asked.code, 1);
});

for (
  const [what, broken, undo, why] of [
    [
      "was given BYPASSRLS",
      "alter role fragile_writer bypassrls",
      "alter role fragile_writer nobypassrls",
      "has BYPASSRLS",
    ],
    [
      "was dropped",
      "drop owned by fragile_writer; drop role fragile_writer",
      "select countersign.create_writer_role('fragile_writer')",
      "does not exist",
    ],
  ] as const
) {
  Deno.test(`explain names a role of the policy that ${what}, and why it is refused`, async () => {
    const token = await sign({ role: "fragile_writer" });
    assert.match((await explain(token, overSql())).stdout, /with the role fragile_writer/);
    await stage.superuser.unsafe(broken);
    try {
      const known = await explain(token, overSql());
      assert.match(
        known.stdout,
        new RegExp(
          `The role "fragile_writer" is in the policy, and the database refuses it: it ${why}\n`,
        ),
      );
      assert.match(
        known.stdout,
        new RegExp(`in the policy, and refused: "fragile_writer", which ${why}`),
      );
      const vague = await explain(token, overRest());
      assert.match(vague.stdout, /it is unsafe or missing; --database-url shows why\n/);
      assert.deepEqual([known.code, vague.code], [1, 1]);
    } finally {
      await stage.sql.unsafe(undo).catch(() => stage.superuser.unsafe(undo));
    }
  });
}

Deno.test("explain sends the token to nobody without --ask", async () => {
  const token = await sign();
  const [, , signature = token] = token.split(".");
  const seen: string[] = [];
  const spy: typeof fetch = async (input, init) => {
    const headers = input instanceof Request ? [...input.headers] : [...new Headers(init?.headers)];
    seen.push(`${input instanceof Request ? input.url : input} ${headers.join()}`);
    return await fetch(input, init);
  };
  for (const env of [overSql(), overRest()]) {
    await cli(["explain", token], { env, fetch: spy });
  }
  assert(seen.length >= 2);
  assert(!seen.join().includes(signature));
  await cli(["explain", token, "--ask"], { env: overSql(), fetch: spy });
  assert(seen.join().includes(signature));
});

Deno.test("explain --ask writes nothing, not even the use of a token for one use", async () => {
  const { sql } = stage;
  await sql`update public.jwt_issuers set single_use = true where issuer = 'billing'`;
  try {
    const token = await sign({ jti: crypto.randomUUID() });
    for (let time = 0; time < 2; time++) {
      assert.equal((await explain(token, overSql(), "--ask")).code, 0);
    }
    assert.equal(await status(token), 201);
    assert.equal(await status(token), 401);
  } finally {
    await sql`update public.jwt_issuers set single_use = false where issuer = 'billing'`;
  }
});

Deno.test("explain exits with 2 where it is told to ask and not whom", async () => {
  assertFailed(
    await cli(["explain", "a.b.c", "--ask", "--public-key", "x.pub"]),
    2,
    /Expected --ask or --public-key, found both/,
  );
  const { COUNTERSIGN_ADMIN_DB_URL } = overSql();
  const nowhere = await cli(["explain", "a.b.c", "--ask"], { env: { COUNTERSIGN_ADMIN_DB_URL } });
  assertFailed(nowhere, 2, /Expected --target or --function-url with --ask/);
});
