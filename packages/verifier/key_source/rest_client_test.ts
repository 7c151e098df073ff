import assert from "node:assert/strict";
import { refused, Registry, rowOf, SECRET, SUPABASE_URL } from "../fixtures/rest_registry.ts";

Deno.test("restKeySource() asks for exactly one issuer, and for no column it doesn't need", async () => {
  const registry = new Registry();
  await registry.source().find('a&b=c,d(e)+ %*.é"#');
  const url = new URL(registry.requests[0]?.url ?? "");
  assert.equal(url.origin + url.pathname, `${SUPABASE_URL}/rest/v1/jwt_issuer_policies`);
  assert.deepEqual([...url.searchParams.keys()], ["select", "issuer"]);
  assert.equal(url.searchParams.get("issuer"), 'eq.a&b=c,d(e)+ %*.é"#');
  assert.ok(!url.searchParams.get("select")?.includes("*"));
  // To follow a redirect would take the key to another origin.
  assert.equal(registry.requests[0]?.redirect, "manual");
});

Deno.test("restKeySource() sends a secret key as apikey alone, and a JWT in both headers", async () => {
  const registry = new Registry();
  const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2ln";
  await registry.source().find("billing");
  await registry.source({ serviceRoleKey: jwt }).find("billing");
  const headers = registry.requests.map(({ headers }) => [
    headers.get("apikey"),
    headers.get("authorization"),
  ]);
  assert.deepEqual(headers, [[SECRET, null], [jwt, `Bearer ${jwt}`]]);
});

Deno.test("restKeySource() keeps the path of a project behind a prefix", async () => {
  const registry = new Registry();
  await registry.source({ supabaseUrl: "http://localhost:8000/supabase/" }).find("billing");
  assert.match(
    registry.requests[0]?.url ?? "",
    /^http:\/\/localhost:8000\/supabase\/rest\/v1\/jwt_issuer_policies\?/,
  );
});

const body = (text: string, status = 200) => () => new Response(text, { status });
const ANSWERS: Record<string, { answer: Registry["answer"]; message: RegExp }> = {
  "status 500": { answer: body("[]", 500), message: /status 500/ },
  "status 401": { answer: body("{}", 401), message: /status 401/ },
  "status 206": { answer: body("[]", 206), message: /status 206/ },
  "a redirect": {
    answer: () =>
      new Response(null, { status: 302, headers: { location: "https://attacker.example" } }),
    message: /status 302/,
  },
  "something that is no JSON": { answer: body("<html>"), message: /reached/ },
  "an object": { answer: body("{}"), message: /list of rows/ },
  "null": { answer: body("null"), message: /list of rows/ },
  "nothing": { answer: body(""), message: /reached/ },
  "two rows": {
    answer: () => Response.json([rowOf("name-from-a-token"), rowOf("name-from-a-token")]),
    message: /one row/,
  },
  "a row of another issuer": {
    answer: () => Response.json([rowOf("billing")]),
    message: /one row/,
  },
  "a row with a hole in it": {
    answer: () => Response.json([{ ...rowOf("name-from-a-token"), mode: undefined }]),
    message: /"mode"/,
  },
  "invalid UTF-8": {
    answer: () => new Response(Uint8Array.of(0x5b, 0xff, 0x5d)),
    message: /reached/,
  },
  "an answer without end": {
    answer: () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024).fill(0x20)),
        }),
      ),
    message: /too long/,
  },
  "an error of the network": {
    answer: () => Promise.reject(new TypeError("connection refused")),
    message: /reached/,
  },
};
for (const [name, { answer, message }] of Object.entries(ANSWERS)) {
  Deno.test(`restKeySource() rejects on ${name}`, async () => {
    const registry = new Registry();
    registry.answer = answer;
    const error = await refused(() => registry.source().find("name-from-a-token"));
    assert.match(error.message, message);
    assert.equal(error.cause, undefined);
    assert.ok(!`${error.message}${error.stack}`.includes("name-from-a-token"));
    assert.ok(!`${error.message}${error.stack}`.includes(SECRET));
  });
}

Deno.test("restKeySource() gives up on a registry that hangs, before or after its headers", async () => {
  const hangs: Registry["answer"][] = [
    (request) =>
      new Promise((_, reject) => {
        request.signal.addEventListener("abort", () => reject(request.signal.reason));
      }),
    (request) =>
      new Response(
        new ReadableStream({
          start: (controller) => {
            request.signal.addEventListener(
              "abort",
              () => controller.error(request.signal.reason),
            );
          },
        }),
      ),
  ];
  for (const answer of hangs) {
    const registry = new Registry();
    registry.answer = answer;
    const error = await refused(() => registry.source({ queryTimeout: 10 }).find("billing"));
    assert.match(error.message, /within 10 ms/);
  }
});
