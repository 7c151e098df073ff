import assert from "node:assert/strict";
import { REJECTION_HINTS, rejectionCode } from "./token_rejection.ts";

const start = (text: string) => new TextEncoder().encode(text);

Deno.test("rejectionCode() takes nothing for PostgREST's refusal that an application said", () => {
  const said: [headers: HeadersInit, body: string | undefined][] = [
    [{}, undefined],
    [{}, '{"code":"42501","message":"PGRST301"}'],
    [{}, '{"code":"PGRST300"}'],
    [{}, '{"code":"PGRST3010"}'],
    [{}, '{"code":"XPGRST301"}'],
    [{ "proxy-status": "PostgREST; error=PGRST116" }, '{"code":"PGRST301"}'],
    [{ "proxy-status": "PostgREST; xerror=PGRST3011" }, undefined],
    [{}, `${" ".repeat(4096)}{"code":"PGRST301"}`],
  ];
  for (const [headers, body] of said) {
    assert.equal(
      rejectionCode(new Headers(headers), body === undefined ? undefined : start(body)),
      undefined,
      body,
    );
  }
});

Deno.test("rejectionCode() reads each of PostgREST's codes, from its header or from its body", () => {
  for (const code of Object.keys(REJECTION_HINTS)) {
    assert.equal(rejectionCode(new Headers(), start(`{"code":"${code}","details":null}`)), code);
    assert.equal(rejectionCode(new Headers(), start(`{"code": "${code}"}`)), code);
    assert.equal(
      rejectionCode(new Headers({ "proxy-status": `PostgREST; error=${code}` }), undefined),
      code,
    );
  }
});
