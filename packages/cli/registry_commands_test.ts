import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import { signMultiIssuerJwt } from "@countersign/signer";
import assert from "node:assert/strict";
import { join } from "node:path";
import postgres from "postgres";
import { assertFailed, cli, cliJson, type Outcome, type World } from "./fixtures/cli.ts";

let local: LocalTarget;
let folder: string;

Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir();
  local = await startLocalTarget({
    sql: [
      "select countersign.create_writer_role('invoices_writer')",
      "select countersign.create_writer_role('invoices_reader')",
    ],
  });
});

Deno.test.afterAll(async () => {
  await local.stop();
  await Deno.remove(folder, { recursive: true });
});

/** The two ways in which a user reaches the registry. */
const WORLDS: Readonly<Record<string, () => World>> = {
  "REST": () => ({
    env: { SUPABASE_URL: local.url, SUPABASE_SERVICE_ROLE_KEY: local.serviceRoleKey },
    fetch,
  }),
  "SQL": () => ({ env: { COUNTERSIGN_ADMIN_DB_URL: local.databaseUrl } }),
};

interface Subject {
  readonly issuer: string;
  readonly privateKey: string;
  readonly publicKey: string;
  readonly kid: string;
}

async function keygen(issuer = `issuer-${crypto.randomUUID().slice(0, 8)}`): Promise<Subject> {
  const args = ["keygen", "--issuer", issuer, "--out", join(folder, crypto.randomUUID())];
  const made = await cliJson([...args, "--algorithm", "ES256"]);
  const of = (name: string) => {
    const value = typeof made === "object" && made !== null ? Reflect.get(made, name) : undefined;
    assert(typeof value === "string", name);
    return value;
  };
  return {
    issuer,
    privateKey: of("privateKeyFile"),
    publicKey: of("publicKeyFile"),
    kid: of("kid"),
  };
}

function assertSaid(outcome: Outcome, stdout: RegExp, stderr = ""): void {
  assert.equal(outcome.stderr, stderr);
  assert.match(outcome.stdout, stdout);
  assert.equal(outcome.code, 0);
}

for (const [way, world] of Object.entries(WORLDS)) {
  Deno.test(`the commands work together, over ${way}`, async () => {
    const run = (...args: string[]) => cli(args, world());
    const key = await keygen();
    const { issuer } = key;

    assertSaid(
      await run("register", "--issuer", issuer, "--public-key", key.publicKey),
      new RegExp(`^registered ES256 key ${key.kid} for ${issuer} on 127\\.0\\.0\\.1:\\d+\\n$`),
      `warning: Issuer "${issuer}" has no roles yet: its tokens are refused until some are named\n`,
    );
    assertSaid(
      await run(
        "policy",
        "set",
        "--issuer",
        issuer,
        "--role",
        "invoices_writer",
        "--role",
        "invoices_reader",
        "--max-lifetime",
        "2m",
        "--subject",
        "job-*",
      ),
      /roles +invoices_writer, invoices_reader\n[^]*longest lifetime +120s\n/,
    );
    assertSaid(
      await run("policy", "set", "--issuer", issuer, "--any-subject"),
      /subjects +any that is not/,
    );

    const next = await keygen(issuer);
    const standby = await keygen(issuer);
    await run(
      "register",
      "--issuer",
      issuer,
      "--public-key",
      standby.publicKey,
      "--not-before",
      "2100-01-01T00:00:00Z",
    );
    assertSaid(
      await run("rotate", "--issuer", issuer, "--public-key", next.publicKey, "--overlap", "10m"),
      new RegExp(`has the new key ${next.kid} .*\nkey ${key.kid} works until \\d{4}-`),
    );
    const row = async (kid: string) =>
      (await run("list")).stdout.split("\n").find((line) => line.includes(kid.slice(0, 12))) ?? "";
    assert.match(await row(key.kid), /ES256 +current until \d{4}-/);
    assert.match(await row(standby.kid), /ES256 +standby until 2100-01-01 00:00Z /);
    assertSaid(
      await run("revoke", "--kid", key.kid.slice(0, 12)),
      new RegExp(`^revoked key ${key.kid}`),
    );
    assert.match((await run("list")).stdout, /^ISSUER +KEY +ALGORITHM +STATE +ROLES +CHANGED\n/);
    assert.match(await row(key.kid), /ES256 +revoked +invoices_writer, invoices_reader +\d{4}-/);
    assert.match(await row(next.kid), /ES256 +current /);

    assertSaid(
      await run("deactivate", "--issuer", issuer),
      /^deactivated .* every token of it is rejected\n/,
    );
    assert.match((await run("list")).stdout, /deactivated \(current\)/);
    assertSaid(await run("activate", "--issuer", issuer), /^activated /);
    assertSaid(await run("activate", "--kid", key.kid), new RegExp(`^activated key ${key.kid}`));

    const audit = await run("audit", "--issuer", issuer, "--limit", "3");
    assert.match(audit.stdout, /^ID +AT +ACTOR +CHANGE +ISSUER +REASON +WHAT\n/);
    assert.equal(audit.stdout.trim().split("\n").length, 4);
    assert.match(audit.stdout, /update jwt_public_keys +\S+ +is_active: false → true/);
  });

  Deno.test(`each command prints JSON, over ${way}`, async () => {
    const key = await keygen();
    const issuer = ["--issuer", key.issuer];
    const json = (...args: string[]) => cliJson(args, world());
    const registered = await json(
      "register",
      ...issuer,
      "--public-key",
      key.publicKey,
      "--role",
      "invoices_writer",
    );
    assert.partialDeepStrictEqual(registered, {
      issuer: key.issuer,
      kid: key.kid,
      isActive: true,
    });
    assert.partialDeepStrictEqual(await json("policy", "get", ...issuer), {
      roles: ["invoices_writer"],
    });
    assert.partialDeepStrictEqual(
      await json("policy", "set", ...issuer, "--no-role"),
      { roles: [], defaultRole: null },
    );
    assert.deepEqual(await json("deactivate", ...issuer), { issuer: key.issuer, isActive: false });
    assert.deepEqual(await json("activate", ...issuer), { issuer: key.issuer, isActive: true });
    assert.partialDeepStrictEqual(await json("revoke", "--kid", key.kid), { isActive: false });
    const [latest] = [await json("audit", ...issuer, "--limit", "1")].flat();
    assert.partialDeepStrictEqual(latest, { operation: "UPDATE", kid: key.kid });
    const summary = [await json("list")].flat().find((entry) =>
      JSON.stringify(entry).includes(key.issuer)
    );
    assert.partialDeepStrictEqual(summary, { isActive: true, keys: [{ state: "revoked" }] });
  });

  Deno.test(`failures exit with 1 and say why, over ${way}`, async () => {
    const run = (...args: string[]) => cli(args, world());
    const key = await keygen();
    const { issuer, publicKey } = key;
    assertFailed(await run("deactivate", "--issuer", issuer), 1, /\(issuer_not_found\)/);
    assertFailed(await run("revoke", "--kid", key.kid), 1, /\(key_not_found\)/);
    assertFailed(await run("revoke", "--kid", "12345678"), 1, /found none/);
    assertFailed(
      await run("register", "--issuer", issuer, "--public-key", key.privateKey),
      1,
      /invalid_public_key/,
    );
    assertFailed(
      await run(
        "register",
        "--issuer",
        issuer,
        "--public-key",
        publicKey,
        "--role",
        "service_role",
      ),
      1,
      /Role "service_role" .*\(role_not_allowed\)/,
    );
    await run("register", "--issuer", issuer, "--public-key", publicKey);
    assertFailed(
      await run("register", "--issuer", `${issuer}-2`, "--public-key", publicKey),
      1,
      /\(key_belongs_to_another_issuer\)/,
    );
  });

  Deno.test(`explain says what the target would say, over ${way}`, async () => {
    const key = await keygen();
    const { issuer } = key;
    const against = way === "REST" ? [] : ["--audience", local.url];
    await cli([
      "register",
      "--issuer",
      issuer,
      "--public-key",
      key.publicKey,
      "--role",
      "invoices_writer",
    ], world());
    const sign = (role: string, audience = local.url) =>
      signMultiIssuerJwt({
        privateKey: Deno.readTextFileSync(key.privateKey),
        issuer,
        audience,
        claims: { sub: "job-1", role },
      });
    const good = await cli(["explain", ...against], {
      ...world(),
      stdin: `Bearer ${await sign("invoices_writer")}\n`,
    });
    assertSaid(
      good,
      /policy +ok\naccepted as far as this machine knows, with the role invoices_writer\n/,
    );

    for (
      const [token, reason, step] of [
        [await sign("invoices_reader"), "role_not_allowed", "policy"],
        [await sign("invoices_writer", "https://staging.co"), "wrong_audience", "audience"],
      ] as const
    ) {
      const { code, stdout, stderr } = await cli(["explain", token, ...against], world());
      assert.deepEqual({ code, stderr }, { code: 1, stderr: "" });
      assert.match(stdout, new RegExp(`${step} +FAILED [^]*\nrejected: ${reason}\n$`));
    }

    const north = await sign("invoices_writer", "north");
    const named = { ...world(), env: { ...world().env, COUNTERSIGN_AUDIENCE: "south, north" } };
    assertSaid(await cli(["explain", north], named), /audience +ok\n/);
    for (const [args, where] of [[[], world()], [["--audience", "south"], named]] as const) {
      const { stdout } = await cli(["explain", north, ...against, ...args], where);
      assert.match(stdout, /rejected: wrong_audience\n$/);
    }
  });
}

Deno.test("explain asks for the issuer and sends the token nowhere", async () => {
  const key = await keygen();
  const seen: string[] = [];
  const world: World = {
    env: { SUPABASE_URL: local.url, SUPABASE_SERVICE_ROLE_KEY: local.serviceRoleKey },
    fetch: (input, init) => {
      seen.push(`${input} ${JSON.stringify(init)}`);
      return fetch(input, init);
    },
  };
  const token = await signMultiIssuerJwt({
    privateKey: Deno.readTextFileSync(key.privateKey),
    issuer: key.issuer,
    claims: { sub: "job-1" },
  });
  const { stdout } = await cli(["explain", token], world);
  assert.match(stdout, /rejected: unknown_issuer/);
  // The issuer, the provider that it might be instead, and what the function reports.
  assert.equal(seen.length, 3);
  const [, , signature = token] = token.split(".");
  assert(!seen.join().includes(signature));
});

Deno.test("explain needs no registry when it is given a key", async () => {
  const key = await keygen();
  const privateKey = Deno.readTextFileSync(key.privateKey);
  const token = await signMultiIssuerJwt({ privateKey, issuer: "a", claims: { sub: "job-1" } });
  const args = ["--public-key", key.publicKey, "--algorithm", "ES256"];
  const good = await cli(["explain", token, ...args]);
  assertSaid(
    good,
    /issuer +\? +no registry was asked\n[^]*signature +ok\n[^]*\naccepted as far as this machine knows\nnot asked: issuer; audience; policy\n$/,
  );

  const other = await keygen();
  const bad = await cli([
    "explain",
    token,
    "--public-key",
    other.publicKey,
    "--algorithm",
    "ES256",
  ]);
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /rejected: unknown_key\n$/);
});

Deno.test("a token that mint prints writes a row through the proxy", async () => {
  const key = await keygen();
  const { issuer } = key;
  const registering = ["register", "--issuer", issuer, "--public-key", key.publicKey];
  await cli([...registering, "--role", "invoices_writer"], WORLDS["SQL"]?.() ?? {});
  const claims = JSON.stringify({ sub: "job-1", role: "invoices_writer" });
  const minted = await cli([
    "mint",
    "--private-key",
    "-",
    "--issuer",
    issuer,
    "--claims",
    claims,
    "--expires-in",
    "30",
    "--audience",
    local.url,
  ], {
    stdin: Deno.readTextFileSync(key.privateKey),
  });
  assertSaid(minted, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  const response = await fetch(`${local.functionsUrl}/rest/v1/`, {
    headers: { Authorization: `Bearer ${minted.stdout.trim()}` },
  });
  await response.body?.cancel();
  assert.equal(response.status, 200);
  const env = { COUNTERSIGN_PRIVATE_KEY: Deno.readTextFileSync(key.privateKey) };
  const fromEnvironment = await cliJson(["mint", "--issuer", issuer, "--claims", claims], { env });
  assert.match(JSON.stringify(fromEnvironment), /^\{"token":"[\w.-]+"\}$/);
});

Deno.test("guard enable, status and disable say what PostgREST is told", async () => {
  const world = WORLDS["SQL"]?.() ?? {};
  assertSaid(await cli(["guard", "status"], world), /^guard off; PostgREST calls no function/);
  assertSaid(await cli(["guard", "enable"], world), /^guard on since /);
  assert.partialDeepStrictEqual(await cliJson(["guard", "status"], world), { enabled: true });
  assertSaid(await cli(["guard", "disable"], world), /^guard off/);
  assertFailed(
    await cli(["guard", "enable", "--chain", "public.nothing"], world),
    2,
    /does not exist/,
  );
});

Deno.test("guard rotate-seal makes a key, and says how long the others are accepted", async () => {
  const world = WORLDS["SQL"]?.() ?? {};
  const rotate = (...args: string[]) => ["guard", "rotate-seal", ...args];
  assertSaid(await cli(rotate(), world), /^new key [0-9a-f]{12}; older keys are accepted for 1h$/m);
  const { id } = await cliJson(rotate("--overlap", "10m"), world) as { id: string };
  const sql = postgres(local.databaseUrl, { max: 1, onnotice: () => {} });
  const keys = await sql`select id, accepted_until is null as newest from public.jwt_seal_keys`;
  assert.deepEqual([keys.length, { ...keys[0] }], [3, { id, newest: true }]);
  assertSaid(await cli(rotate("--overlap", "0"), world), /; older keys are no longer accepted$/m);
  assert.equal((await sql`select id from public.jwt_seal_keys`).length, 1);
  await sql.end();
  assertFailed(await cli(rotate("--overlap", "soon"), world), 2, /--overlap/);
  assertFailed(await cli(rotate("--overlap", "31d"), world), 2, /at most 30 days/);
});

Deno.test("the service key and the database's URL can come from standard input", async () => {
  const rest = ["list", "--target", local.url, "--service-role", "-"];
  assert.equal((await cli(rest, { stdin: `${local.secretKey}\n`, fetch })).code, 0);
  const sql = ["list", "--database-url", "-"];
  assert.equal((await cli(sql, { stdin: `${local.databaseUrl}\n` })).code, 0);
});

Deno.test("a flag for one way does not mix with the environment's other way", async () => {
  const env = { COUNTERSIGN_ADMIN_DB_URL: local.databaseUrl };
  assertFailed(await cli(["list", "--target", local.url], { env }), 2, /SUPABASE_SERVICE_ROLE_KEY/);
  assert.equal((await cli(["list"], { env })).code, 0);
});
