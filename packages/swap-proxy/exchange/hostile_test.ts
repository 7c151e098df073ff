/** Hostile token requests: each is refused where one that differs only in the attack is answered with a token. */
import assert from "node:assert/strict";
import { NOW_SEC } from "@countersign/fixture";
import {
  ASSERTION,
  AUDIENCE,
  billing,
  closed,
  EXCHANGE,
  exchange,
  FORM,
  honest,
  JWT,
  once,
  PATH,
  provider,
  proxy,
  short,
  user,
} from "../fixtures/exchange_harness.ts";

const subject = `subject_token=${honest}&subject_token_type=${JWT}`;
const exchangedToken = (await proxy().ask(exchange(honest))).body.access_token;
/** [what, the form, error, code, further parts of the request] */
const REFUSED: [string, Record<string, string> | string, string, string, RequestInit?][] = [
  ["no grant", subject, "invalid_request", "token_request_invalid"],
  [
    "another grant",
    `grant_type=client_credentials&${subject}`,
    "unsupported_grant_type",
    "grant_type_not_supported",
  ],
  [
    "a repeated grant",
    `grant_type=${EXCHANGE}&grant_type=${EXCHANGE}&${subject}`,
    "invalid_request",
    "token_request_invalid",
  ],
  [
    "two subject tokens",
    `grant_type=${EXCHANGE}&${subject}&subject_token=${honest}`,
    "invalid_request",
    "token_request_invalid",
  ],
  [
    "an empty parameter beside a filled one",
    `grant_type=${EXCHANGE}&${subject}&scope=&scope=widgets_writer`,
    "invalid_request",
    "token_request_invalid",
  ],
  [
    "both grants",
    exchange(honest, { assertion: honest }),
    "invalid_request",
    "token_request_invalid",
  ],
  [
    "an actor",
    exchange(honest, { actor_token: honest }),
    "invalid_request",
    "token_request_invalid",
  ],
  [
    "a refresh token",
    exchange(honest, { requested_token_type: "urn:ietf:params:oauth:token-type:refresh_token" }),
    "invalid_request",
    "token_request_invalid",
  ],
  [
    "a SAML token",
    exchange(honest, { subject_token_type: "urn:ietf:params:oauth:token-type:saml2" }),
    "invalid_request",
    "token_request_invalid",
  ],
  [
    "no type",
    { grant_type: EXCHANGE, subject_token: honest },
    "invalid_request",
    "token_request_invalid",
  ],
  [
    "JSON",
    JSON.stringify(exchange(honest)),
    "invalid_request",
    "token_request_invalid",
    { headers: { "content-type": "application/json" } },
  ],
  [
    "another content type",
    exchange(honest),
    "invalid_request",
    "token_request_invalid",
    { headers: { "content-type": `${FORM}-evil` } },
  ],
  [
    "another character set",
    exchange(honest),
    "invalid_request",
    "token_request_invalid",
    { headers: { "content-type": `${FORM}; charset=utf-7` } },
  ],
  [
    "1 MB",
    exchange(honest, { x: "x".repeat(2 ** 20) }),
    "invalid_request",
    "token_request_invalid",
  ],
  [
    "a role of nobody",
    exchange(honest, { scope: "service_role" }),
    "invalid_scope",
    "scope_not_allowed",
  ],
  [
    "two roles",
    exchange(honest, { scope: "widgets_writer x" }),
    "invalid_scope",
    "scope_not_allowed",
  ],
  [
    "another role than the token's",
    exchange(honest, { scope: "widgets_reader" }),
    "invalid_scope",
    "scope_not_allowed",
  ],
  [
    "another audience",
    exchange(honest, { audience: "https://other.supabase.co" }),
    "invalid_target",
    "audience_not_allowed",
  ],
  [
    "a resource",
    exchange(honest, { resource: AUDIENCE }),
    "invalid_target",
    "audience_not_allowed",
  ],
  [
    "an audience that is not this target's",
    exchange(await billing.sign({ aud: [AUDIENCE, "other"] }), { audience: "other" }),
    "invalid_target",
    "audience_not_allowed",
  ],
  [
    "a role beside a provider's rule",
    exchange(provider.forge.token({}), { scope: "widgets_writer_" }),
    "invalid_scope",
    "scope_not_allowed",
  ],
  ["an exchanged token", exchange(exchangedToken), "invalid_request", "header_not_allowed"],
  ["a user's token", exchange(user), "invalid_request", "header_not_allowed"],
  ["no token", exchange("x"), "invalid_request", "token_malformed"],
  ["8 KiB and more", exchange("x".repeat(9_000)), "invalid_request", "token_too_large"],
  [
    "an assertion of an unknown issuer",
    { grant_type: ASSERTION, assertion: await billing.sign({ iss: "nobody" }) },
    "invalid_grant",
    "token_refused",
  ],
  [
    "an expired one",
    exchange(await billing.sign({ iat: NOW_SEC - 90, exp: NOW_SEC - 30 })),
    "invalid_request",
    "token_expired",
  ],
  [
    "a mark of its own",
    exchange(await billing.sign({ countersign: { kid: "x" } })),
    "invalid_request",
    "claim_not_allowed",
  ],
  [
    "an issuer without exchange",
    exchange(await closed.sign()),
    "unauthorized_client",
    "exchange_not_allowed",
  ],
  [
    "a single-use issuer",
    exchange(await once.sign({ jti: "j" })),
    "unauthorized_client",
    "exchange_not_allowed",
  ],
  ["a life of 59 s", exchange(await short.sign()), "unauthorized_client", "exchange_not_allowed"],
  [
    "a client's secret",
    exchange(honest, { client_secret: "s" }),
    "invalid_client",
    "client_authentication_not_supported",
  ],
  [
    "credentials in the header",
    exchange(honest),
    "invalid_client",
    "client_authentication_not_supported",
    { headers: { authorization: "Basic eDp5" } },
  ],
];
for (const [what, form, error, code, init] of REFUSED) {
  Deno.test(`a token request with ${what} is refused as ${error}`, async () => {
    const target = proxy();
    const { response, text, body } = await target.ask(form, init);
    const status = error === "invalid_client" ? 401 : 400;
    assert.deepEqual([response.status, body.error, body.code], [status, error, code]);
    assert.equal(response.headers.has("www-authenticate"), status === 401);
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.match(body.error_description, /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
    assert.deepEqual(Object.keys(body).slice(2), ["code", "message", "details", "hint"]);
    const [event] = target.events;
    assert.ok(event?.type === "refused" && target.events.length === 1);
    assert.deepEqual([event.endpoint, event.code], ["token", code]);
    for (const token of [honest, exchangedToken]) {
      assert.equal((text + JSON.stringify(target.events)).includes(token.split(".")[2]), false);
    }
    assert.equal((await target.ask(exchange(honest))).response.status, 200);
  });
}

Deno.test("only POST is for the token endpoint", async () => {
  const target = proxy();
  for (const method of ["GET", "PUT", "DELETE", "OPTIONS"]) {
    const response = await target.send(honest, { method }, `${PATH}?grant_type=${ASSERTION}`);
    assert.deepEqual([response.status, response.headers.get("allow")], [405, "POST"]);
    assert.equal((await response.json()).error, "invalid_request");
  }
});

Deno.test("a body that never ends, or breaks off, is refused", async () => {
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(4_096).fill(0x78)),
  });
  const broken = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error("reset")),
  });
  for (const body of [endless, broken]) {
    const { response, body: said } = await proxy().ask("", { body });
    assert.deepEqual([response.status, said.code], [400, "token_request_invalid"]);
  }
});
