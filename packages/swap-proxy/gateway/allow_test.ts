import assert from "node:assert/strict";
import { allow } from "./allow.ts";
import { handsOver, notAllowed } from "./hand_over.ts";

const original = {
  namedBy: ["x-original-uri", "x-original-method"],
  method: "GET",
  url: new URL("http://x/"),
};
const allowed = (seconds: number) =>
  Reflect.apply(allow, undefined, [original, "/widgets?select=id", "a.b.c", seconds]);

Deno.test("allow() lets no cache answer for another token or another path", () => {
  const { headers } = allowed(7);
  assert.equal(headers.get("vary"), "authorization, x-original-uri, x-original-method");
  assert.equal(headers.get("cache-control"), "max-age=7, must-revalidate");
  for (const seconds of [0, -1]) {
    assert.equal(allowed(seconds).headers.get("cache-control"), "no-store");
  }
});

Deno.test("allow() hands over the token and the path that was judged, and no body", async () => {
  const response = allowed(1);
  assert.deepEqual(
    [
      response.status,
      response.headers.get("authorization"),
      response.headers.get("countersign-path"),
    ],
    [200, "Bearer a.b.c", "/widgets?select=id"],
  );
  assert.equal(await response.text(), "");
});

Deno.test("handsOver() takes only the gateway's own word, and a refusal then says nothing more", async () => {
  for (const value of ["", "false", "TRUE", "1", "true, true"]) {
    assert.equal(handsOver(new Headers({ "countersign-handover": value })), false, value);
  }
  assert.equal(handsOver(new Headers()), false);
  assert.equal(handsOver(new Headers({ "countersign-handover": "true" })), true);
  const refused = notAllowed();
  assert.deepEqual([refused.status, [...refused.headers]], [403, [["cache-control", "no-store"]]]);
  assert.equal(await refused.text(), "");
});
