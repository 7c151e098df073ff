import assert from "node:assert/strict";
import { ConfigurationError } from "../errors.ts";
import { createRouter } from "./router.ts";

const route = createRouter("/functions/v1/rest");
const at = (pathAndQuery: string) => route(`http://edge.internal:8000${pathAndQuery}`);
const upstream = (pathAndQuery: string) => ({ kind: "upstream", pathAndQuery });

Deno.test("createRouter() accepts every form of the mount path", () => {
  for (const mount of ["/rest", "/rest/v1", "/functions/v1/rest", "/functions/v1/rest/v1"]) {
    assert.deepEqual(at(mount), upstream("/"), mount);
    assert.deepEqual(at(`${mount}/`), upstream("/"), mount);
    assert.deepEqual(at(`${mount}/widgets`), upstream("/widgets"), mount);
    assert.deepEqual(at(`${mount}/rpc/add_them`), upstream("/rpc/add_them"), mount);
  }
});

Deno.test("createRouter() takes a mount path at segment boundaries only", () => {
  const attacks = [
    "/restricted/widgets",
    "/rest-v1/widgets",
    "/rest.v1/widgets",
    "/functions/v1/restricted/widgets",
    "/functions/v1rest/widgets",
    "/functions/v1/functions/v1/rest/widgets",
    "/v1/rest/widgets",
    "/REST/widgets",
    "/%72est/widgets",
    "//rest/widgets",
    "/./rest/widgets",
    "/x/../rest/widgets",
    "/",
    "",
  ];
  for (const path of attacks) assert.equal(at(path), undefined, path);
  assert.deepEqual(at("/rest/widgets"), upstream("/widgets"));
  // A version is a segment too: what only begins like one is a table.
  assert.deepEqual(at("/rest/v1x"), upstream("/v1x"));
  assert.deepEqual(at("/rest/v1/v1"), upstream("/v1"));
});

Deno.test("createRouter() refuses paths that another decoder could read differently", () => {
  const attacks = [
    "/rest/a%2fb",
    "/rest/a%2Fb",
    "/rest/a%5cb",
    "/rest/a%5Cb",
    "/rest/a%252fb",
    "/rest/%2e%2e",
    "/rest/%2E%2e/auth",
    "/rest/.%2e",
    "/rest/..",
    "/rest/.",
    "/rest/../auth/v1/admin",
    "/rest/v1/../../auth/v1/admin",
    "/rest/rpc/..",
    "/rest/rpc/.",
    "/rest//widgets",
    "/rest/widgets//",
    "/rest/widgets/",
    "/rest/rpc/",
    "/rest/rpc//add",
    "/rest/rpc/add/them",
    "/rest/widgets/1",
    "/rest/wid\\gets",
    "/rest/wid%00gets",
    "/rest/wid%0agets",
    "/rest/wid%0D%0Agets",
    "/rest/wid%7fgets",
    "/rest/wid\tgets",
    "/rest/wid gets",
    "/rest/widgets%",
    "/rest/widgets%2",
    "/rest/widgets%zz",
    "/rest/%c0%af",
    "/rest/%ff",
    "/rest/wídgets",
    "/rest/widgets\0",
    "/rest/-/healthz/",
    "/rest/-/HEALTHZ",
    "/rest/-/metrics",
  ];
  for (const path of attacks) assert.equal(at(path), undefined, path);
});

Deno.test("createRouter() passes legal names through byte for byte", () => {
  const twins = [
    "/a_b",
    "/a.b",
    "/...",
    "/.hidden",
    "/a-b~c!$&'()*+,;=:@",
    "/My%20Table",
    "/caf%C3%A9",
    "/caf%c3%a9",
    "/%E6%97%A5%E6%9C%AC",
    "/rpc",
    "/rpc/fn.with.dots",
    "/rpcx",
  ];
  for (const path of twins) assert.deepEqual(at(`/rest/v1${path}`), upstream(path), path);
});

Deno.test("createRouter() passes the query through byte for byte", () => {
  for (
    const query of [
      "?",
      "?select=*&name=eq.%2e%2F%5c",
      "?a=b?c=d",
      "?id=in.(1,2)&or=(a.eq.1,b.eq.2)",
      "?x=../../auth",
      "?apikey=x&jwt=y&access_token=z",
    ]
  ) {
    assert.deepEqual(at(`/rest/widgets${query}`), upstream(`/widgets${query}`), query);
  }
  assert.deepEqual(at("/rest?x=1"), upstream("/?x=1"));
  assert.deepEqual(at("/rest/widgets?a=1#/../x?y"), upstream("/widgets?a=1"));
  assert.deepEqual(at("/rest/widgets#?a"), upstream("/widgets"));
});

Deno.test("createRouter() finds the health paths under the mount", () => {
  assert.deepEqual(at("/rest/-/healthz"), { kind: "healthz" });
  assert.deepEqual(at("/functions/v1/rest/v1/-/readyz?x"), { kind: "readyz" });
});

Deno.test("createRouter() finds a gateway's question, and what is appended to it", () => {
  const question = (appended?: string) => ({ kind: "authorize", appended });
  assert.deepEqual(at("/rest/v1/-/authorize"), question());
  assert.deepEqual(at("/rest/-/authorize?x"), question());
  assert.deepEqual(at("/rest/-/authorize/"), question("/"));
  assert.deepEqual(at("/rest/-/authorize/rest/v1/a?b=/../c"), question("/rest/v1/a?b=/../c"));
  assert.deepEqual(at("/rest/-/authorize//rest/v1/a"), question("//rest/v1/a"));
  assert.equal(at("/rest/-/authorizes"), undefined);
});

Deno.test("createRouter() survives request targets that are no path", () => {
  for (const url of ["*", "edge.internal:8000", "", "http://edge.internal"]) {
    assert.equal(route(url), undefined, url);
  }
});

Deno.test("createRouter() takes a mount path of one's own", () => {
  const own = createRouter("/api/db/");
  assert.deepEqual(own("http://x/api/db/widgets"), upstream("/widgets"));
  assert.deepEqual(own("http://x/api/db/v1/widgets"), upstream("/widgets"));
  assert.equal(own("http://x/db/widgets"), undefined);
  assert.deepEqual(createRouter("/")("http://x/widgets"), upstream("/widgets"));
  for (const path of ["rest", "/a//b", "/a/../b", "/..", "/a?b", "/a%20b", "/{x}"]) {
    assert.throws(() => createRouter(path), ConfigurationError, path);
  }
});
