import assert from "node:assert/strict";
import {
  headerNames,
  passesToClient,
  REQUEST_HEADERS,
  RESPONSE_HEADERS,
} from "./forwarded_headers.ts";

Deno.test("headerNames() refuses credentials, and what belongs to one connection", () => {
  const credentials = ["Authorization", "APIKEY", "cookie", "Set-Cookie", "set-cookie2"];
  for (const name of credentials) assert.throws(() => headerNames([name]), /credentials/, name);
  const connection = [
    "Connection",
    "keep-alive",
    "Proxy-Authorization",
    "proxy-authenticate",
    "TE",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "content-length",
    "content-encoding",
    "accept-encoding",
    "expect",
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "cf-connecting-ip",
    "sb-request-id",
    "countersign-request-id",
  ];
  for (const name of connection) assert.throws(() => headerNames([name]), /one connection/, name);
  assert.deepEqual(headerNames(["X-Tenant", "user-agent", "accept-language"]), [
    "x-tenant",
    "user-agent",
    "accept-language",
  ]);
});

Deno.test("headerNames() refuses what is no name of a header", () => {
  const wrong = [
    "",
    " ",
    "x tenant",
    "x-tenant:",
    "x-*",
    "*",
    "x\r\ny: z",
    "ü",
    "a,b",
    "x".repeat(65),
  ];
  for (const name of wrong) assert.throws(() => headerNames([name]), TypeError, name);
});

Deno.test("the default lists hold nothing that an operator could not name, but for the challenge", () => {
  assert.deepEqual(headerNames(REQUEST_HEADERS), REQUEST_HEADERS);
  assert.deepEqual(headerNames(RESPONSE_HEADERS), RESPONSE_HEADERS);
  assert.deepEqual(REQUEST_HEADERS, REQUEST_HEADERS.toSorted());
  assert.deepEqual(RESPONSE_HEADERS, RESPONSE_HEADERS.toSorted());
});

Deno.test("passesToClient() passes what applications set, and nothing of a gateway", () => {
  const listed = new Set(RESPONSE_HEADERS);
  for (const name of ["x-total", "x-request-id", "x-sbom", "content-language", "etag"]) {
    assert.ok(passesToClient(name, listed), name);
  }
  for (
    const name of [
      "x-kong-proxy-latency",
      "x-envoy-a",
      "x-sb-id",
      "set-cookie",
      "server",
      "cf-ray",
      "date",
    ]
  ) {
    assert.ok(!passesToClient(name, listed), name);
  }
  assert.ok(passesToClient("x-kong-proxy-latency", new Set(["x-kong-proxy-latency"])));
});
