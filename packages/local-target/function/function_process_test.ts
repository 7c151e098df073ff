import assert from "node:assert/strict";
import { LocalTargetError, startLocalTarget } from "../mod.ts";

/** A function as a URL: `body` has `request`. */
function entrypoint(body: string): string {
  const source = `
    Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.env.get("PORT")) }, async (request) => {
      ${body}
    });`;
  return `data:application/typescript,${encodeURIComponent(source)}`;
}

Deno.test("FunctionProcess gets the platform's environment and nothing else of the caller's", async () => {
  Deno.env.set("CALLERS_SECRET", "x");
  await using target = await startLocalTarget({
    migrations: false,
    function: {
      entrypoint: entrypoint("return Response.json(Deno.env.toObject());"),
      env: { COUNTERSIGN_AUDIENCE: "here", SUPABASE_SECRET_KEYS: undefined },
    },
  });
  Deno.env.delete("CALLERS_SECRET");
  const env = await (await fetch(`${target.functionsUrl}/rest`)).json();
  assert.deepEqual(
    Object.fromEntries(
      Object.entries(env).filter(([name]) => /^(SUPABASE|COUNTERSIGN|CALLERS)_/.test(name)),
    ),
    {
      SUPABASE_URL: target.url,
      SUPABASE_DB_URL: target.databaseUrl,
      SUPABASE_ANON_KEY: target.anonKey,
      SUPABASE_SERVICE_ROLE_KEY: target.serviceRoleKey,
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: target.publishableKey }),
      COUNTERSIGN_JWT_SECRET: target.jwtSecret,
      COUNTERSIGN_AUDIENCE: "here",
    },
  );
});

Deno.test("FunctionProcess is reached by its name, streams both ways, and is left when the client leaves", async () => {
  await using target = await startLocalTarget({
    migrations: false,
    function: {
      name: "echo",
      entrypoint: entrypoint(`
        if (request.url.endsWith("/log")) return Response.json(log);
        request.signal.addEventListener("abort", () => log.push("left"));
        return new Response(request.body);
      `).replace("Deno.serve", encodeURIComponent("const log = []; Deno.serve")),
    },
  });
  assert.equal((await fetch(`${target.functionsUrl}/rest`)).status, 404);

  const { readable, writable } = new TransformStream<Uint8Array>();
  const writer = writable.getWriter();
  const response = await fetch(`${target.functionsUrl}/echo`, { method: "POST", body: readable });
  const reader = response.body!.getReader();
  for (const part of ["first", "second"]) {
    await writer.write(new TextEncoder().encode(part));
    assert.equal(new TextDecoder().decode((await reader.read()).value), part);
  }
  await reader.cancel();
  await writer.abort().catch(() => {});
  const log = async () => await (await fetch(`${target.functionsUrl}/echo/log`)).json();
  while ((await log()).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
});

Deno.test("FunctionProcess may compress what it answers, asked or not", async () => {
  await using target = await startLocalTarget({
    migrations: false,
    function: {
      entrypoint: entrypoint(`
        const coding = new URL(request.url).searchParams.get("coding");
        const body = "widgets ".repeat(1000);
        if (coding === null) return new Response(body);
        const stream = new Blob([body]).stream().pipeThrough(new CompressionStream(coding));
        return new Response(stream, { headers: { "content-encoding": coding } });
      `),
    },
  });
  for (const query of ["", "?coding=gzip"]) {
    const response = await fetch(`${target.functionsUrl}/rest${query}`);
    assert.equal((await response.text()).length, 8000);
  }
});

Deno.test("FunctionProcess with the CLI's gateway may be handed the target's own token", async () => {
  await using target = await startLocalTarget({
    migrations: false,
    gateway: "cli",
    function: {
      entrypoint: entrypoint('return Response.json(request.headers.get("authorization"));'),
    },
  });
  const handed = async (headers: Record<string, string>) =>
    await (await fetch(`${target.functionsUrl}/rest`, { headers })).json();
  const { publishableKey, secretKey, anonKey, serviceRoleKey } = target;
  assert.equal(await handed({}), null);
  assert.equal(await handed({ apikey: publishableKey }), `Bearer ${anonKey}`);
  assert.equal(await handed({ apikey: secretKey }), `Bearer ${serviceRoleKey}`);
  assert.equal(
    await handed({ apikey: publishableKey, authorization: `Bearer ${publishableKey}` }),
    `Bearer ${anonKey}`,
  );
  assert.equal(
    await handed({ apikey: publishableKey, authorization: "Bearer theirs" }),
    "Bearer theirs",
  );
});

Deno.test("FunctionProcess that dies at start says what it wrote", async () => {
  await assert.rejects(
    startLocalTarget({
      migrations: false,
      function: { entrypoint: "data:application/typescript,throw new Error('no secret given')" },
    }),
    (error) =>
      error instanceof LocalTargetError && error.code === "process_failed" &&
      /function ended with exit status 1 before it was ready/.test(error.message) &&
      error.output.some((line) => line.includes("no secret given")),
  );
});

Deno.test("FunctionProcess can be ended and started again where it was", async () => {
  const lines: string[] = [];
  await using target = await startLocalTarget({
    migrations: false,
    function: { entrypoint: entrypoint('console.log("asked"); return new Response("hello");') },
    onLog: (source, line) => lines.push(`${source}: ${line}`),
  });
  const url = `${target.functionsUrl}/rest`;
  assert.equal(await (await fetch(url)).text(), "hello");
  await target.functionProcess?.stop();
  const response = await fetch(url);
  assert.equal(response.status, 502);
  assert.notEqual(await response.text(), "");
  await target.functionProcess?.start();
  assert.equal(await (await fetch(url)).text(), "hello");
  await target.functionProcess?.stop();
  assert(target.functionProcess?.logs.includes("asked"));
  assert(lines.includes("function: asked"));
});
