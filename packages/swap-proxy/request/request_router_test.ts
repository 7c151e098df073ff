import assert from "node:assert/strict";
import { createRequestRouter } from "./request_router.ts";

const route = createRequestRouter("/functions/v1/rest");
const at = (host: string, path = "/rest/v1/widgets") =>
  route(new Request(`http://edge.internal${path}`, { headers: { host } }));

Deno.test("createRequestRouter() refuses a Host header that is more than host and port", () => {
  const attacks = [
    "x/rest/v1/widgets?select=id&",
    "x/",
    "x?",
    "x#",
    "user@x",
    "x y",
    "x,y",
    "x:80:80",
    "x:port",
    "[::1",
    "http://x",
    "x\\\\y",
  ];
  for (const host of attacks) assert.throws(() => at(host), { code: "host_invalid" }, host);
  for (
    const host of ["x", "x:80", "prod-abc123.supabase.co", "127.0.0.1:8000", "[::1]:54321", "a_b"]
  ) {
    assert.equal(at(host).kind, "upstream", host);
  }
  assert.equal(route(new Request("http://edge.internal/rest/v1/widgets")).kind, "upstream");
});

Deno.test("createRequestRouter() asks for the path before the method", () => {
  const request = (path: string) =>
    new Request(`http://edge.internal${path}`, { method: "PROPFIND" });
  assert.throws(() => route(request("/elsewhere")), { code: "path_not_found" });
  assert.throws(() => route(request("/rest/v1/widgets")), { code: "method_not_allowed" });
});
