import assert from "node:assert/strict";
import { type Attempt, newName, until } from "@countersign/fixture";
import {
  assertRefused,
  MAX_STALENESS,
  passes,
  refuses,
  type Stage,
  UPSTREAM_TIMEOUT,
} from "@countersign/fixture/stage";
import type { Scenario } from "./scenario.ts";

const GET: Attempt = { method: "GET", path: "/rest/v1/widgets?select=name&limit=1" };

function notFound(body: string | null): Response {
  return new Response(body, { status: 404, headers: { "content-type": "application/json" } });
}

/**
 * While PostgREST's place is taken, the function answers the attempt with `reason`; afterwards it
 * works.
 */
async function failsWhile(
  stage: Stage,
  reason: "upstream_timeout" | "upstream_not_found" | "downstream_token_rejected",
  answer: (request: Request) => Response | Promise<Response>,
): Promise<void> {
  await stage.upstream.answering(answer, async () => {
    assertRefused(await stage.send(GET), reason, stage.function);
  });
  await passes(stage, GET);
}

export const FAILURE: readonly Scenario[] = [
  {
    name: "an upstream that is down is answered with 502",
    async run(stage) {
      await stage.upstream.down(async () => {
        assertRefused(await stage.send(GET), "upstream_unreachable", stage.function);
      });
      await passes(stage, GET);
    },
  },
  {
    name: "an upstream that does not answer is given up in time, with 504",
    async run(stage) {
      const { promise: over, resolve } = Promise.withResolvers<void>();
      const started = performance.now();
      await failsWhile(stage, "upstream_timeout", async () => {
        await over;
        return new Response("too late");
      }).finally(resolve);
      const took = performance.now() - started;
      assert.ok(took >= UPSTREAM_TIMEOUT && took < UPSTREAM_TIMEOUT + 2_000, `${took} ms`);
    },
  },
  {
    name: "a 404 without a body gets one, because postgrest-js takes an empty 404 for success",
    forwards: "the function",
    async run(stage) {
      await failsWhile(stage, "upstream_not_found", () => notFound(null));
      await stage.upstream.answering(() => notFound('{"code":"PGRST202"}'), async () => {
        const twin = await stage.send(GET);
        assert.deepEqual([twin.status, twin.text], [404, '{"code":"PGRST202"}']);
      });
    },
  },
  {
    name: "PostgREST's refusal of our own token is our fault: 502 and an alarm",
    forwards: "the function",
    async run(stage) {
      const refusal = (code: string) => () =>
        Response.json({ code, message: "no", details: null, hint: null }, { status: 401 });
      await failsWhile(stage, "downstream_token_rejected", refusal("PGRST301"));
      await stage.upstream.answering(refusal("42501"), async () => {
        const twin = await stage.send(GET);
        assert.deepEqual([twin.status, JSON.parse(twin.text).code], [401, "42501"]);
      });
    },
  },
  {
    name: "an upstream that breaks off in the middle breaks off for the client too",
    async run(stage) {
      const half = 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[{"name":';
      await stage.upstream.sending(half, async () => {
        await assert.rejects(stage.send(GET), /closed the connection/);
      });
      await passes(stage, GET);
    },
  },
  {
    name:
      "an endless upstream body stops when its reader leaves, and nothing is held back meanwhile",
    async run(stage) {
      let ended = false;
      let sent = 0;
      const endless = () => {
        const chunk = new Uint8Array(64 * 1024);
        const body = new ReadableStream({
          async pull(controller) {
            await new Promise((resolve) => setTimeout(resolve, 0));
            controller.enqueue(chunk);
            sent += chunk.length;
          },
          cancel() {
            ended = true;
          },
        });
        return new Response(body);
      };
      await stage.upstream.answering(endless, async () => {
        const leave = new AbortController();
        const response = await fetch(stage.function.origin + GET.path, {
          headers: { Authorization: `Bearer ${stage.warehouse.token()}` },
          signal: leave.signal,
        });
        const reader = response.body!.getReader();
        for (let read = 0; read < 4 * 1024 * 1024;) read += (await reader.read()).value!.length;
        leave.abort();
        await until("the upstream's body was cancelled", () => ended);
        assert.ok(sent < 256 * 1024 * 1024, `${sent} bytes were taken from the upstream`);
      });
      await passes(stage, GET);
    },
  },
  {
    name: "a client that leaves before there is an answer ends the upstream's work",
    async run(stage) {
      const arrived = Promise.withResolvers<void>();
      const aborted = Promise.withResolvers<void>();
      const wait = async (request: Request) => {
        request.signal.addEventListener("abort", () => aborted.resolve());
        arrived.resolve();
        await aborted.promise;
        return new Response(null);
      };
      await stage.upstream.answering(wait, async () => {
        const leave = new AbortController();
        const asked = fetch(stage.function.origin + GET.path, {
          headers: { Authorization: `Bearer ${stage.warehouse.token()}` },
          signal: leave.signal,
        });
        await arrived.promise;
        // The proxy lets ten milliseconds pass before it watches its client at all.
        await new Promise((resolve) => setTimeout(resolve, 50));
        const left = performance.now();
        leave.abort();
        await assert.rejects(asked, { name: "AbortError" });
        await aborted.promise;
        // Else it was the time-out that ended it.
        assert.ok(performance.now() - left < UPSTREAM_TIMEOUT / 2);
      });
      await passes(stage, GET);
    },
  },
  {
    name:
      "without a registry known issuers work until their record is stale, then 503 and Retry-After",
    async run(stage) {
      await passes(stage, GET);
      stage.registry.cut();
      try {
        await passes(stage, GET);
        const unknown = await stage.send({
          ...GET,
          token: stage.warehouse.token({ claims: { iss: `never-seen-${newName()}` } }),
        });
        assert.ok([401, 503].includes(unknown.status), unknown.wire);
        await until("the record is stale", async () => (await stage.send(GET)).status === 503);
        const stale = await refuses(stage, "registry_unavailable", GET);
        assert.match(stale.headers.get("retry-after") ?? "", /^\d+$/);
        // An attacker must not see a difference to what is refused by its signature.
        await refuses(stage, "registry_unavailable", {
          ...GET,
          token: stage.warehouse.token({ signature: () => new Uint8Array(256) }),
        });
      } finally {
        stage.registry.open();
      }
      await until("the registry is read again", async () => (await stage.send(GET)).status === 200);
      await passes(stage, GET);
    },
  },
  {
    name: "a function that starts without its registry works as soon as that is there",
    async run(stage) {
      stage.registry.cut();
      try {
        await using late = await stage.host.start(stage.env);
        const answer = await stage.send(GET, late.origin);
        assertRefused(answer, "registry_unavailable", late);
        stage.registry.open();
        await until(
          "the registry is read",
          async () => (await stage.send(GET, late.origin)).status === 200,
        );
      } finally {
        stage.registry.open();
      }
    },
  },
  {
    name: "a registry that hangs counts as one that is down",
    async run(stage) {
      await passes(stage, GET);
      stage.registry.hold();
      try {
        await until(
          "the record is stale",
          async () => (await stage.send(GET)).status === 503,
          (MAX_STALENESS + 5) * 1_000,
        );
      } finally {
        stage.registry.open();
      }
      await until(
        "the registry is read again",
        async () => (await stage.send(GET)).status === 200,
        10_000,
      );
    },
  },
  {
    name: "a registry that comes and goes yields good answers or 503, and nothing else",
    async run(stage) {
      const statuses = new Set<number>();
      for (let round = 0; round < 6; round++) {
        if (round % 2 === 0) stage.registry.cut();
        else stage.registry.open();
        for (let i = 0; i < 5; i++) {
          statuses.add((await stage.send(GET)).status);
          const bad = stage.warehouse.token({ signature: () => new Uint8Array(256) });
          const { status } = await stage.send({ ...GET, token: bad });
          assert.ok(status === 401 || status === 503, `${status}`);
        }
      }
      stage.registry.open();
      statuses.delete(503);
      assert.deepEqual([...statuses], [200]);
      await until(
        "the registry is read again",
        async () => (await stage.send(GET)).status === 200,
        10_000,
      );
    },
  },
  {
    name:
      "a flood of unknown issuers costs the registry few statements, and known ones do not notice",
    async run(stage) {
      await passes(stage, GET);
      const before = stage.registry.asked;
      const flood = Array.from({ length: 400 }, (_, i) =>
        stage.send({
          ...GET,
          token: stage.trusted.token({ claims: { iss: `flood-${i}-${newName()}` } }),
        }));
      const known = await passes(stage, GET);
      assert.equal(known.status, 200);
      const refusals = await Promise.all(flood);
      for (const { status } of refusals) assert.ok(status === 401 || status === 503, `${status}`);
      const asked = stage.registry.asked - before;
      assert.ok(asked < 100, `${asked} messages to the registry`);
      await passes(stage, GET);
    },
  },
];
