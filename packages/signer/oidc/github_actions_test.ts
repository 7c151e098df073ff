import assert from "node:assert/strict";
import { githubActions, SignerError } from "../mod.ts";

const AUDIENCE = "https://ref.supabase.co";

Deno.test("githubActions() asks GitHub as its runner says, for the audience", async () => {
  const seen: Request[] = [];
  const env = {
    ACTIONS_ID_TOKEN_REQUEST_URL: "https://pipelines.example/token?api-version=2.0",
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: "runner",
  };
  const oidc = githubActions({
    audience: AUDIENCE,
    env,
    fetch: (input, init) => {
      seen.push(new Request(input, init));
      assert.equal(init?.redirect, "manual");
      return Promise.resolve(Response.json({ count: 1, value: "a.b.c" }));
    },
  });
  assert.equal(await oidc(), "a.b.c");
  const url = new URL(seen[0]?.url ?? "");
  assert.equal(url.searchParams.get("audience"), AUDIENCE);
  assert.equal(url.searchParams.get("api-version"), "2.0");
  assert.equal(seen[0]?.headers.get("authorization"), "Bearer runner");
});

Deno.test("githubActions() says what is missing, and never the runner's token", async () => {
  const env = {
    ACTIONS_ID_TOKEN_REQUEST_URL: "https://pipelines.example/token",
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: "runner-secret",
  };
  const answers: (() => Promise<Response>)[] = [
    () => Promise.reject(new TypeError("runner-secret")),
    () => Promise.resolve(new Response(null, { status: 302, headers: { location: "/x" } })),
    () => Promise.resolve(new Response("runner-secret", { status: 403 })),
    () => Promise.resolve(new Response("no JSON")),
    () => Promise.resolve(Response.json(null)),
    () => Promise.resolve(Response.json({ value: 1 })),
    () => Promise.resolve(Response.json({ value: "x".repeat(8_193) })),
  ];
  for (const fetch of answers) {
    await assert.rejects(githubActions({ audience: AUDIENCE, env, fetch })(), (error) => {
      assert.ok(error instanceof SignerError);
      assert.equal(error.code, "oidc_unavailable");
      assert.ok(!error.message.includes("secret"), error.message);
      return true;
    });
  }
  await assert.rejects(githubActions({ audience: AUDIENCE, env: {} })(), /id-token: write/);
  assert.throws(() => githubActions({ audience: "" }), { code: "invalid_audience" });
});
