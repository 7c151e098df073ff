/** A target with the guard on, whose issuers' tokens may be exchanged. */
import assert from "node:assert/strict";
import { type Attempt, type HttpAnswer, HttpConnection, requestText } from "@countersign/fixture";
import { type Host, openStage, type Stage } from "@countersign/fixture/stage";

const TYPE = "urn:ietf:params:oauth:token-type:jwt";

/** Every issuer's tokens may be exchanged, those of issuers that a test registers later as well. */
const EXCHANGEABLE = `
alter table public.jwt_issuers alter column max_exchange_lifetime set default '10 minutes';
`;

export async function openExchangeStage(host: Host, sql: readonly string[] = []): Promise<Stage> {
  const stage = await openStage(host, { sql: [EXCHANGEABLE, ...sql] });
  await stage.sql`select countersign.guard_enable()`;
  await stage.target.postgrest.restart();
  return stage;
}

/** Asks the token endpoint of the function at `origin`. */
export async function requestToken(origin: string, token: string): Promise<Response> {
  return await fetch(`${origin}/rest/-/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token: token,
      subject_token_type: TYPE,
    }),
  });
}

/** The token that one is exchanged for. */
export async function exchanged(stage: Stage, token: string): Promise<string> {
  const response = await requestToken(stage.function.origin, token);
  const body = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  return body.access_token;
}

/** Sends an exchanged token through the project's gateway to PostgREST, past the function. */
export async function sendDirect(
  stage: Stage,
  token: string,
  attempt: Attempt = {},
): Promise<HttpAnswer> {
  using connection = await HttpConnection.open(stage.target.url);
  const headers = [...attempt.headers ?? [], ["apikey", stage.target.publishableKey] as const];
  return await connection.send(requestText({ ...attempt, headers }, token));
}
