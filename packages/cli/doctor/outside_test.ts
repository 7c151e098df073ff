import { createHmac } from "node:crypto";
import assert from "node:assert/strict";
import {
  assertSays,
  diagnose,
  type DoctorStage,
  type Handler,
  openDoctorStage,
} from "../fixtures/doctor_stage.ts";

let stage: DoctorStage;

Deno.test.beforeAll(async () => {
  stage = await openDoctorStage();
});

Deno.test.afterAll(async () => await stage[Symbol.asyncDispose]());

Deno.test("doctor finds nothing on a healthy target", async () => {
  const { code, complaints } = await diagnose(stage.env);
  assert.deepEqual({ code, complaints }, { code: 0, complaints: [] });
});

Deno.test("doctor says what it could not check without keys, and that is no problem", async () => {
  const { code, complaints, findings } = await diagnose({ SUPABASE_URL: stage.target.url });
  assert.equal(code, 0);
  assert.deepEqual(
    complaints,
    [
      "apikey",
      "access",
      "migrations",
      "grants",
      "sessions",
      "postgrest",
      "issuers",
      "keys",
      "federation",
      "roles",
      "schemas",
      "tables",
      "policies",
      "views",
      "functions",
      "user_ids",
    ]
      .map((check) => `${check}: not checked`),
  );
  for (const { outcome, message } of findings) {
    if (outcome === "not checked") assert.match(message, /^give --/);
  }
});

/** What the platform does to a request for a function before the function sees it, with `verify_jwt`. */
function verifyingPlatform(
  refusal: unknown,
): (request: Request, inner: Handler) => ReturnType<Handler> {
  return (request, inner) => {
    const [header, payload, signature] = (request.headers.get("authorization") ?? "")
      .replace("Bearer ", "").split(".");
    const expected = createHmac("sha256", stage.target.jwtSecret)
      .update(`${header}.${payload}`).digest("base64url");
    return signature === expected ? inner(request) : Response.json(refusal, { status: 401 });
  };
}

for (
  const [platform, refusal] of [
    ["hosted", { code: "UNAUTHORIZED_INVALID_JWT_FORMAT", message: "Invalid JWT" }],
    ["hosted, before", { code: 401, message: "Invalid JWT" }],
    ["the CLI's", { msg: "Error: JWTInvalid" }],
  ] as const
) {
  Deno.test(`doctor finds a platform that verifies tokens itself (${platform})`, async () => {
    using _platform = stage.wrap(verifyingPlatform(refusal));
    const own = { authorization: `Bearer ${stage.target.anonKey}` };
    const through = await fetch(`${stage.target.functionsUrl}/rest/-/healthz`, { headers: own });
    assert.equal((await through.json()).status, "ok");

    const diagnosis = await diagnose(stage.env);
    assert.deepEqual(diagnosis.troubles, ["verify_jwt: problem"]);
    assertSays(
      diagnosis,
      "verify_jwt",
      /rejects every issuer's/,
      /verify_jwt = false below \[functions\.rest\]/,
    );
  });
}

for (
  const [what, answer, message, fix] of [
    [
      "fails",
      () => Response.json({ code: "WORKER_ERROR" }, { status: 500 }),
      /fails with status 500/,
      /function's log/,
    ],
    [
      "does not start",
      () => Response.json({ code: "BOOT_ERROR" }, { status: 503 }),
      /does not start \(status 503\)/,
      /supabase secrets set/,
    ],
    [
      "is another function",
      () => new Response("<h1>hello</h1>"),
      /status 200, and not as Countersign/,
      /under the name rest/,
    ],
    [
      "has moved",
      () => Response.redirect("http://127.0.0.1:9/elsewhere"),
      /redirects to http:\/\/127.0.0.1:9$/,
      /give --target http:\/\/127.0.0.1:9;/,
    ],
  ] as const
) {
  Deno.test(`doctor finds a function that ${what}`, async () => {
    using _function = stage.wrap(answer);
    const diagnosis = await diagnose(stage.env);
    assert.deepEqual(diagnosis.troubles, ["function: problem"]);
    assertSays(diagnosis, "function", message, fix);
  });
}

Deno.test("doctor finds a function that can't be reached, or does not answer in time", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const refused = await diagnose({ SUPABASE_URL: `http://127.0.0.1:${port}` });
  assertSays(refused, "function", /nothing listens at 127\.0\.0\.1:/, /is running/);
  const late = () => Promise.reject(new DOMException("too late", "TimeoutError"));
  const silent = await diagnose(stage.env, { fetch: late });
  assertSays(silent, "function", /does not answer in time/);
  assertSays(silent, "clock", /does not report its time/);
});

Deno.test("doctor finds a key that the gateway refuses", async () => {
  for (const key of ["sb_publishable_of_another_project", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"]) {
    const diagnosis = await diagnose({ ...stage.env, SUPABASE_PUBLISHABLE_KEY: key });
    assert.deepEqual(diagnosis.troubles, ["apikey: problem"]);
    assertSays(diagnosis, "apikey", /rejects the key that was given/, /copy a publishable/);
    assert(!diagnosis.printed.includes(key));
  }
});

Deno.test("doctor takes every kind of key that the gateway takes", async () => {
  const { publishableKey, anonKey, secretKey, serviceRoleKey } = stage.target;
  for (const key of [publishableKey, anonKey, secretKey, serviceRoleKey]) {
    const { complaints } = await diagnose(stage.env, {}, ["--apikey", key]);
    assert.deepEqual(complaints, []);
  }
});

Deno.test("doctor finds that PostgREST is away", async () => {
  // One that has not said yet that it is ready, which is remembered for a second.
  await using _function = stage.deploy();
  await stage.target.postgrest.stop();
  try {
    const diagnosis = await diagnose(stage.env);
    assert.deepEqual(diagnosis.troubles, ["apikey: problem", "upstream: problem"]);
    assertSays(
      diagnosis,
      "apikey",
      /PostgREST does not answer at .* \(status 50\d\)/,
      /is running/,
    );
    assertSays(diagnosis, "upstream", /server error/, /see apikey/);
  } finally {
    await stage.target.postgrest.start();
  }
});

Deno.test("doctor finds a function with another project's secret", async () => {
  await using _function = stage.deploy({ COUNTERSIGN_JWT_SECRET: "x".repeat(40) });
  const diagnosis = await diagnose(stage.env);
  assert.deepEqual(diagnosis.troubles, ["secret: problem"]);
  assertSays(
    diagnosis,
    "secret",
    /does not accept what the function signs/,
    /COUNTERSIGN_JWT_SECRET/,
  );
});

Deno.test("doctor finds a function whose own key for the gateway is refused", async () => {
  const keys = JSON.stringify({ default: "sb_publishable_revoked" });
  await using _function = stage.deploy({ SUPABASE_PUBLISHABLE_KEYS: keys });
  const diagnosis = await diagnose(stage.env);
  assert.deepEqual(diagnosis.troubles, ["upstream: problem"]);
  assertSays(diagnosis, "upstream", /rejects the function's own key/, /SUPABASE_PUBLISHABLE_KEYS/);
});

Deno.test("doctor finds a function that can't read its registry", async () => {
  const url = new URL(stage.target.databaseUrl);
  url.password = "wr0ng";
  await using _function = stage.deploy({ COUNTERSIGN_DB_URL: url.href });
  const diagnosis = await diagnose(stage.env);
  assert.deepEqual(diagnosis.troubles, ["registry: problem"]);
  assertSays(diagnosis, "registry", /rejects everyone/, /COUNTERSIGN_DB_URL/);
});

/** What the function's answers say of its clock. */
function dated(now: () => number): (request: Request, inner: Handler) => Promise<Response> {
  return async (request, inner) => {
    const response = await inner(request);
    const headers = new Headers(response.headers);
    headers.set("date", new Date(now()).toUTCString());
    return new Response(response.body, { status: response.status, headers });
  };
}

Deno.test("doctor finds a function whose clock is behind, and what comes of it", async () => {
  const late = () => Date.now() - 120_000;
  await using _function = stage.deploy({}, late);
  using _clock = stage.wrap(dated(late));
  const diagnosis = await diagnose(stage.env);
  assert.deepEqual(diagnosis.troubles, ["secret: problem", "clock: warning", "clock: problem"]);
  assertSays(diagnosis, "clock", /clock is 1(19|20|21) s behind this machine's/);
  assertSays(diagnosis, "clock", /s behind the database's/, /set the clock of whichever is wrong/);
  assertSays(diagnosis, "secret", /does not accept/, /see clock/);
});

Deno.test("doctor warns of clocks that differ by little, and not of what can't be told apart", async () => {
  for (
    const [seconds, complaints] of [[15, ["clock: warning", "clock: warning"]], [3, []]] as const
  ) {
    using _clock = stage.wrap(dated(() => Date.now() + seconds * 1000));
    const diagnosis = await diagnose(stage.env);
    assert.deepEqual(diagnosis.complaints, complaints);
    assert.equal(diagnosis.code, 0);
  }
});

Deno.test("doctor tells this machine's clock from the target's", async () => {
  const diagnosis = await diagnose(stage.env, { now: () => Date.now() + 60_000 });
  assert.deepEqual(diagnosis.complaints, ["clock: warning"]);
  assertSays(diagnosis, "clock", /behind this machine's/, /set this machine's clock/);
});

Deno.test("doctor sends no key to the function, and no token that anybody would trust", async () => {
  const seen: Headers[] = [];
  using _tap = stage.wrap((request, inner) => {
    seen.push(request.headers);
    return inner(request);
  });
  await diagnose({ ...stage.env, SUPABASE_SERVICE_ROLE_KEY: stage.target.serviceRoleKey });
  assert.equal(seen.length, 2);
  for (const headers of seen) assert.equal(headers.get("apikey"), null);
  const token = seen.map((headers) => headers.get("authorization")).find((value) => value !== null);
  const response = await fetch(`${stage.target.functionsUrl}/rest/notes`, {
    headers: { authorization: token ?? "" },
  });
  assert.equal((await response.json()).code, "token_refused");
});
