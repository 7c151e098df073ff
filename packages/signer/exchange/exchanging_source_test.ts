import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { createTokenSource } from "../mod.ts";

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const START = 1_764_000_000_000;

function stage(answer: () => Response | Promise<Response>) {
  const clock = { at: START };
  const asked: { url: string; form: URLSearchParams; init: RequestInit }[] = [];
  const exchange = {
    exchange: "https://ref.supabase.co/functions/v1/rest",
    now: () => clock.at,
    fetch: async (url: string | URL | Request, init: RequestInit = {}) => {
      asked.push({ url: String(url), form: new URLSearchParams(String(init.body)), init });
      return await answer();
    },
  };
  const key = String(privateKey.export({ type: "pkcs8", format: "pem" }));
  const signing = { privateKey: key, issuer: "billing", claims: { sub: "job-1" }, ...exchange };
  return { clock, asked, exchange, source: createTokenSource(signing) };
}

let issued = 0;
const token = (expires_in = 600) =>
  Response.json({ access_token: `token-${++issued}`, expires_in });
const refused = () =>
  Response.json({ error: "invalid_request", code: "token_refused" }, { status: 400 });
const down = () => Response.json({ code: "registry_unavailable" }, { status: 503 });

Deno.test("createTokenSource() exchanges a token that it signs, and shares the answer", async () => {
  const { asked, source } = stage(() => token());
  const tokens = await Promise.all(Array.from({ length: 20 }, source));
  assert.equal(new Set(tokens).size, 1);
  assert.equal(asked.length, 1);
  const [{ url, form, init }] = asked as [typeof asked[0]];
  assert.equal(url, "https://ref.supabase.co/functions/v1/rest/-/token");
  assert.equal(form.get("subject_token")?.split(".").length, 3);
  assert.equal(init.redirect, "manual");
});

Deno.test("createTokenSource() exchanges a platform's token, too", async () => {
  const { asked, exchange } = stage(() => token());
  const part = (value: object) => btoa(JSON.stringify(value)).replaceAll("=", "");
  const iat = START / 1000;
  const job = `${part({ alg: "RS256" })}.${part({ iat, exp: iat + 300 })}.c2ln`;
  const source = createTokenSource({ oidc: () => Promise.resolve(job), ...exchange });
  assert.match(await source(), /^token-/);
  assert.equal(asked[0]?.form.get("subject_token"), job);
});

Deno.test("createTokenSource() renews at 80 % of the life, and when the clock was set back", async () => {
  const { clock, asked, source } = stage(() => token(600));
  const first = await source();
  clock.at = START + 479_000;
  assert.equal(await source(), first);
  clock.at = START + 480_000;
  const second = await source();
  assert.notEqual(second, first);
  clock.at = START - 3_600_000;
  assert.notEqual(await source(), second);
  clock.at = START + 10 * 3_600_000;
  await source();
  assert.equal(asked.length, 4);
});

Deno.test("createTokenSource() asks seldom after a refusal, and hands out nothing", async () => {
  let answer = () => token(600);
  const { clock, asked, source } = stage(() => answer());
  await source();
  answer = refused;
  clock.at += 480_000;
  const denied = { code: "exchange_refused", message: /"token_refused"/ };
  await Promise.all(Array.from({ length: 20 }, () => assert.rejects(source(), denied)));
  assert.equal(asked.length, 2);
  for (const [pause, questions] of [[999, 2], [1, 3], [1_999, 3], [1, 4], [3_999, 4], [1, 5]]) {
    clock.at += pause!;
    await assert.rejects(source(), denied);
    assert.equal(asked.length, questions);
  }
  answer = () => token(600);
  clock.at += 60_000;
  assert.match(await source(), /^token-/);
});

Deno.test("createTokenSource() goes on with a token that lives where the endpoint is down", async () => {
  const failures: (() => Response | Promise<Response>)[] = [
    down,
    () => Promise.reject(new TypeError("reset")),
    () => new Response("<html>", { status: 502 }),
    () => new Response(null, { status: 302, headers: { location: "https://evil.example" } }),
    () => Response.json({ access_token: 7, expires_in: 600 }),
    () => token(0),
  ];
  for (const failure of failures) {
    let answer: () => Response | Promise<Response> = () => token(600);
    const { clock, source } = stage(() => answer());
    const first = await source();
    answer = failure;
    clock.at += 480_000;
    assert.equal(await source(), first);
    clock.at += 111_000;
    await assert.rejects(source(), { code: "exchange_unavailable" });
  }
});

Deno.test("createTokenSource() refuses an endpoint that is none, and a fetch without one", () => {
  const { exchange } = stage(() => token());
  const oidc = () => Promise.resolve("");
  assert.throws(() => createTokenSource({ oidc, ...exchange, exchange: "ref" }), TypeError);
  assert.throws(() => createTokenSource({ oidc, fetch: exchange.fetch }), TypeError);
});
