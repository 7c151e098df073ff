import assert from "node:assert/strict";
import type { RefusalReason } from "@countersign/swap-proxy";
import { ANSWERS } from "./answers.ts";
import type { Attempt } from "./attempt.ts";
import type { HttpAnswer } from "./http_connection.ts";
import type { RunningFunction } from "./hosts.ts";
import type { Stage } from "./stage.ts";

/** What the function's log says of an answer. */
export function logEntry(answer: HttpAnswer, { printed }: RunningFunction): string | undefined {
  const id = answer.headers.get("countersign-request-id");
  assert.ok(id !== null, `Expected an answer with an id, got ${answer.wire}`);
  return printed().split("\n").find((line) => line.includes(id));
}

/**
 * Status, code, challenge and shape of the answer together, and the precise reason in the
 * operator's log.
 */
export function assertRefused(
  answer: HttpAnswer,
  reason: RefusalReason,
  running: RunningFunction,
): void {
  const logged = /"reason":"(\w+)"/.exec(logEntry(answer, running) ?? "")?.[1];
  const { headers } = answer;
  const body: Record<string, unknown> = JSON.parse(answer.text);
  assert.deepEqual(
    {
      ...(running.logsAll && { reason: logged }),
      status: answer.status,
      code: body.code,
      challenge: challengeOf(headers),
      members: Object.keys(body),
      type: headers.get("content-type"),
    },
    {
      ...(running.logsAll && { reason }),
      ...ANSWERS[reason],
      members: ["code", "message", "details", "hint"],
      type: "application/json; charset=utf-8",
    },
  );
}

function challengeOf(headers: Headers): "bare" | "invalid_token" | string | null {
  const challenge = headers.get("www-authenticate");
  if (challenge === "Bearer") return "bare";
  return challenge?.startsWith('Bearer error="invalid_token"') ? "invalid_token" : challenge;
}

/** Sends an attempt that the proxy must refuse, and asserts that PostgREST never heard of it. */
export async function refuses(
  stage: Stage,
  reason: RefusalReason,
  attempt: Attempt,
): Promise<HttpAnswer> {
  const before = stage.upstream.asked.length;
  const answer = await stage.send(attempt);
  assertRefused(answer, reason, stage.function);
  assert.equal(stage.upstream.asked.length, before, "PostgREST was asked");
  return answer;
}

/** Sends an attempt that must reach PostgREST and succeed. */
export async function passes(stage: Stage, attempt: Attempt): Promise<HttpAnswer> {
  const before = stage.upstream.asked.length;
  const answer = await stage.send(attempt);
  assert.ok(answer.status >= 200 && answer.status < 300, answer.wire);
  assert.equal(stage.upstream.asked.length, before + 1);
  return answer;
}

/** Headers of PostgREST that a client may depend on. `Date` and `Server` are each server's own. */
const COMPARED = [
  "allow",
  "content-location",
  "content-profile",
  "content-range",
  "content-type",
  "location",
  "preference-applied",
  "proxy-status",
  "www-authenticate",
];

/** The answer is PostgREST's own, byte for byte. */
export async function sameAsPostgrest(
  stage: Stage,
  claims: Readonly<Record<string, unknown>>,
  attempt: Attempt & { readonly token: string },
): Promise<HttpAnswer> {
  const direct = await stage.postgrest(claims, attempt);
  const proxied = await stage.send(attempt);
  const view = ({ status, text, headers }: HttpAnswer) => ({
    status,
    text,
    headers: Object.fromEntries(COMPARED.map((name) => [name, headers.get(name)])),
  });
  assert.deepEqual(view(proxied), view(direct));
  return proxied;
}
