/**
 * Every scenario about what an issuer may do and for how long, with exchanged tokens: each request's token is exchanged,
 * and the request then goes to PostgREST past the function.
 */
import { type Host, inProcess, type RunningFunction, type Stage } from "@countersign/fixture/stage";
import { REFUSALS } from "@countersign/swap-proxy";
import { CONTAINMENT } from "../scenarios/containment.ts";
import { LIFECYCLE } from "../scenarios/lifecycle.ts";
import { exchanged, openExchangeStage, requestToken, sendDirect } from "./exchange_stage.ts";

const exchanging: Host = {
  name: "with exchanged tokens",
  forwards: "the gateway",
  async start(env) {
    const running = await inProcess.start(env);
    const apikey = JSON.parse(env.SUPABASE_PUBLISHABLE_KEYS ?? "{}").default;
    const client = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        const token = (request.headers.get("authorization") ?? "").slice("Bearer ".length);
        const answer = await requestToken(running.origin, token);
        const body = await answer.json();
        const headers = new Headers(answer.headers);
        headers.delete("content-length");
        // What a client makes of a refusal; 403 and 401 as the proxy tells them apart.
        if (!answer.ok) {
          return Response.json(body, {
            status: statusOf(body.code) ?? answer.status,
            headers,
          });
        }
        const { pathname, search } = new URL(request.url);
        const sent = new Headers(request.headers);
        for (const name of ["host", "content-length"]) sent.delete(name);
        sent.set("apikey", apikey);
        sent.set("authorization", `Bearer ${body.access_token}`);
        const response = await fetch(
          env.COUNTERSIGN_UPSTREAM_URL + pathname.replace(/^\/rest\/v1/, "") + search,
          { method: request.method, headers: sent, body: request.body, redirect: "manual" },
        );
        const received = new Headers(response.headers);
        received.set("countersign-request-id", answer.headers.get("countersign-request-id") ?? "");
        return new Response(response.body, { status: response.status, headers: received });
      },
    );
    const host: RunningFunction = {
      origin: `http://127.0.0.1:${client.addr.port}`,
      printed: running.printed,
      logsAll: true,
      answersItself: ({ status, text }, reason) => {
        const { error, code } = JSON.parse(text);
        const expected = REFUSALS[reason];
        return ["invalid_request", "invalid_grant"].includes(error) && code === expected.code &&
          status === expected.status;
      },
      async [Symbol.asyncDispose]() {
        await client.shutdown();
        await running[Symbol.asyncDispose]();
      },
    };
    return Object.assign(host, { function: running });
  },
};

function statusOf(code: string): number | undefined {
  return Object.values(REFUSALS).find((refusal) => refusal.code === code)?.status;
}

Deno.test("functions/rest, with exchanged tokens straight at PostgREST", async (t) => {
  const running: RunningFunction[] = [];
  await using opened = await openExchangeStage({
    ...exchanging,
    async start(env) {
      const started = await exchanging.start(env);
      running.push(started);
      return started;
    },
  });
  // What PostgREST itself answers, to the same exchanged token: with the guard on it takes no other.
  const stage: Stage = {
    ...opened,
    async postgrest(_, attempt) {
      const inner = {
        ...opened,
        function: Reflect.get(running[0]!, "function") as RunningFunction,
      };
      return await sendDirect(opened, await exchanged(inner, String(attempt.token)), attempt);
    },
  };
  for (const { name, run } of [...CONTAINMENT, ...LIFECYCLE]) await t.step(name, () => run(stage));
});
