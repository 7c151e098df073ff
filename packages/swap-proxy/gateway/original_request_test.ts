import assert from "node:assert/strict";
import { originalRequest } from "./original_request.ts";

const GOOD = { "x-original-method": "POST", "x-original-uri": "/rest/v1/widgets?select=id" };
const TRAEFIK = { "x-forwarded-method": "POST", "x-forwarded-uri": "/rest/v1/widgets?select=id" };
const read = (headers: Record<string, string>, appended?: string) =>
  originalRequest({ headers: new Headers(headers), method: "PATCH" }, appended);

Deno.test("originalRequest() reads the one pair of headers that is there", () => {
  assert.deepEqual(read(GOOD), {
    method: "POST",
    uri: "/rest/v1/widgets?select=id",
    namedBy: ["x-original-method", "x-original-uri"],
  });
  assert.deepEqual(read(TRAEFIK).namedBy, ["x-forwarded-method", "x-forwarded-uri"]);
});

Deno.test("originalRequest() reads what Envoy appends, with Envoy's own method", () => {
  assert.deepEqual(read({}, "/rest/v1/widgets?a=b"), {
    method: "PATCH",
    uri: "/rest/v1/widgets?a=b",
    namedBy: [],
  });
  for (const pair of [GOOD, TRAEFIK, { "x-original-uri": "/rest/v1/widgets" }]) {
    assert.throws(() => read(pair, "/rest/v1/widgets"), { code: "gateway_request_invalid" });
  }
  assert.throws(() => read({}, "/rest/v1/wídgets"), { code: "path_not_found" });
});

Deno.test("originalRequest() refuses half a pair, no pair, and a client's pair beside the gateway's", () => {
  const attacks: Record<string, string>[] = [
    {},
    { "x-original-method": "GET" },
    { "x-original-uri": "/rest/v1/widgets" },
    { ...GOOD, "x-original-method": "" },
    { ...GOOD, "x-original-uri": "" },
    { "x-original-method": "GET", "x-forwarded-uri": "/rest/v1/widgets" },
    { ...GOOD, "x-forwarded-uri": "/rest/v1/widgets?select=id" },
    { ...TRAEFIK, "x-original-method": "POST" },
    { ...TRAEFIK, ...GOOD },
  ];
  for (const attack of attacks) {
    assert.throws(
      () => read(attack),
      { code: "gateway_request_invalid" },
      JSON.stringify(attack),
    );
  }
});

Deno.test("originalRequest() takes a path and query only", () => {
  const attacks = [
    "rest/v1/widgets",
    "*",
    "http://postgrest/rest/v1/widgets",
    "postgrest:3000",
    "?select=id",
    "/rest/v1/widgets#x",
    "/rest/v1/widgets, /rest/v1/gadgets",
    "/rest/v1/wid gets",
    "/rest/v1/wid\tgets",
    "/rest/v1/wídgets",
    "/rest/v1/widgets?name=eq.\u00ff",
    "/rest/v1/widgets\u007f",
  ];
  for (const uri of attacks) {
    assert.throws(() => read({ ...GOOD, "x-original-uri": uri }), { code: "path_not_found" }, uri);
  }
  const two = new Headers(GOOD);
  two.append("x-original-uri", "/rest/v1/gadgets");
  assert.throws(() => originalRequest({ headers: two, method: "GET" }, undefined), {
    code: "path_not_found",
  });
  assert.equal(read({ ...GOOD, "x-original-uri": "/rest/v1/w?a=(b,c)&d=%22" }).method, "POST");
});
