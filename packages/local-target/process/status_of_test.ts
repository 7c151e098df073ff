import assert from "node:assert/strict";
import { statusOf } from "./status_of.ts";

Deno.test("statusOf() tells a status, and nothing where nobody answers", async () => {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("x", { status: 503 }),
  );
  const url = `http://127.0.0.1:${server.addr.port}/`;
  assert.equal(await statusOf(url), 503);
  await server.shutdown();
  assert.equal(await statusOf(url), undefined);
});
