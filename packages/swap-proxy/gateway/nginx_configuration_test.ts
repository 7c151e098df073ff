/** What the nginx files of the how-to repeat must be what the function says and sends. */
import assert from "node:assert/strict";
import { type RefusalReason, REFUSALS } from "../refusal/refusals.ts";
import { REQUEST_HEADERS } from "../upstream/forwarded_headers.ts";

const server = await Deno.readTextFile(
  new URL("../../../docs/how-to/nginx/countersign_server.conf", import.meta.url),
);

Deno.test("nginx refuses in the function's own words where the function cannot", () => {
  const reasons: RefusalReason[] = [
    "internal_error",
    "registry_unavailable",
    "upstream_unreachable",
    "upstream_timeout",
  ];
  const expected = reasons.map((reason) => {
    const { status, code, message, hint } = REFUSALS[reason];
    return `${status} ${JSON.stringify({ code, message, details: null, hint })}`;
  });
  const written = [...server.matchAll(/return (\d+) '((?:[^'\\]|\\.)*)';/g)]
    .map(([, status, body = ""]) => `${status} ${body.replaceAll("\\'", "'")}`);
  assert.deepEqual(written.toSorted(), expected.toSorted());
});

Deno.test("nginx sends PostgREST the headers that the function does, and its own of each hop", () => {
  const location = /location \/ \{([\s\S]*?)\n\}/.exec(server)?.[1] ?? "";
  const sent = [...location.matchAll(/proxy_set_header (\S+) (\S+);/g)]
    .map(([, name = "", value = ""]) => [name.toLowerCase(), value] as const);
  const own = ["host", "connection", "authorization", "apikey", "accept-encoding"];
  assert.deepEqual(
    sent.map(([name]) => name).toSorted(),
    [...REQUEST_HEADERS, ...own].toSorted(),
  );
  for (const [name, value] of sent) {
    if (own.includes(name)) continue;
    assert.equal(value, `$http_${name.replaceAll("-", "_")}`);
  }
});
