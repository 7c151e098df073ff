/** What nginx makes of a request before the function judges it, and after: an attacker writes every byte of it. */
import assert from "node:assert/strict";
import type { Attempt } from "@countersign/fixture";
import { type Host, passes, refuses, type Stage } from "@countersign/fixture/stage";
import { type GatewayStage, openGatewayStage } from "./gateway_stage.ts";

const WIDGETS = "/rest/v1/widgets?limit=1";

/** nginx finds the same location for these as for the twin, because it decodes and joins before it compares. */
const OTHER_SPELLINGS = [
  "//rest/v1/widgets",
  "/rest//v1/widgets",
  "/rest/v1//widgets",
  "/rest/v1/./widgets",
  "/rest/v1/x/../widgets",
  "/x/../rest/v1/widgets",
  "/rest/v1/%2e/widgets",
  "/rest/v1/%2e%2e/v1/widgets",
  "/%72est/v1/widgets",
  "/rest%2fv1/widgets",
  "/rest/v1%2Fwidgets",
  "/rest/v1/widgets%2f",
  "/rest/v1/rpc%2fwhoami",
  "/REST/v1/widgets",
  "/rest/v1/widgets/",
  "/rest/v1/widgets;/../invoices",
  "/rest/v1/widgets\\..\\invoices",
  "/rest/v1/widgets%5c..%5cinvoices",
  "/auth/v1/admin/users",
  "http://postgrest/auth/v1/admin/users",
  "http://postgrest//rest/v1/widgets",
  "/-/authorize",
  "/-/authorize/",
  "/x/../-/authorize",
  "/%2d/authorize",
  "/rest/-/../v1//widgets",
];

/** The function's own question, asked by a client. */
const QUESTIONS = [
  "/rest/-/authorize",
  "/rest/v1/-/authorize",
  "/functions/v1/rest/-/authorize",
  "/rest/-/authorize/rest/v1/widgets",
];

/** What must reach PostgREST as it was sent. */
const BYTE_FOR_BYTE = [
  "/rest/v1/widgets?select=name&name=eq.%2e%2e%2F%2f//..%5c;x",
  "/rest/v1/widgets?name=eq.a?b&limit=1",
  "/rest/v1/widgets?",
  "/rest/v1/widgets;x=1",
  "/rest/v1/My%20Table",
  "/rest/v1/caf%C3%A9?%63=%64",
  "/rest/v1/...",
  "/rest?limit=1",
  "/functions/v1/rest/v1/widgets?limit=1",
];

/** Headers by which a client could speak for the gateway, or to it. */
const FORGED: readonly (readonly [string, string])[] = [
  ["X-Original-Method", "DELETE"],
  ["X-Original-URI", "/rest/v1/invoices"],
  ["X-Forwarded-Method", "DELETE"],
  ["X-Forwarded-Uri", "/rest/v1/invoices"],
  ["X-Http-Method-Override", "DELETE"],
  ["X-Rewrite-URL", "/rest/v1/invoices"],
  ["Countersign-Gateway", "a-secret-of-32-visible-characters"],
  ["Countersign-Handover", "true"],
  ["Countersign-Path", "/invoices"],
  ["X-Accel-Redirect", "/rest/-/healthz"],
  ["Connection", "Authorization, Accept"],
  ["Cookie", "session=1"],
  ["Upgrade", "websocket"],
];

const get = (path: string, more: Partial<Attempt> = {}): Attempt => ({
  method: "GET",
  path,
  body: "",
  ...more,
});
const bearer = (stage: Stage) => `Authorization: Bearer ${stage.warehouse.token()}`;

Deno.test("requests through nginx", async (t) => {
  await using opened = await openGatewayStage("30s");
  const { stage, gateway } = opened;

  for (const path of OTHER_SPELLINGS) {
    await t.step(`${path} is refused`, async () => {
      await refuses(stage, "path_not_found", get(path));
      await passes(stage, get(WIDGETS));
    });
  }
  for (const path of QUESTIONS) {
    await t.step(`a client gets no answer from ${path}`, async () => {
      const headers = [["X-Original-Method", "GET"], ["X-Original-URI", WIDGETS]] as const;
      const attempt = get(path, { headers: path.endsWith("authorize") ? headers : [] });
      await refuses(stage, "gateway_not_allowed", attempt);
    });
  }
  for (const path of BYTE_FOR_BYTE) {
    await t.step(`${path} reaches PostgREST as from the function`, async () => {
      const sent = async (origin: string) => {
        const { status, text } = await stage.send(get(path), origin);
        return { status, text, asked: stage.upstream.asked.at(-1)?.path };
      };
      const seen = await sent(gateway.origin);
      assert.deepEqual(seen, await sent(gateway.function.origin));
      assert.ok(seen.asked?.startsWith("/rest/v1"));
    });
  }

  for (const [name, value] of FORGED) {
    await t.step(`${name} of a client changes nothing and goes nowhere`, async () => {
      await passes(stage, get(WIDGETS, { headers: [[name, value]] }));
      const asked = stage.upstream.asked.at(-1)!;
      assert.deepEqual([asked.method, asked.path], ["GET", WIDGETS]);
      assert.ok(name === "Connection" || !asked.headers.has(name));
      assert.doesNotMatch(asked.headers.get("connection") ?? "", /authorization/i);
      await refuses(
        stage,
        "token_missing",
        get(WIDGETS, { headers: [[name, value]], token: null }),
      );
    });
  }

  await t.step("a host that is not ours decides nothing", (t) => hosts(t, opened));
  await t.step("bodies", (t) => bodies(t, opened));
  await t.step("answers", (t) => answers(t, opened));
});

async function hosts(t: Deno.TestContext, { stage, raw }: GatewayStage): Promise<void> {
  for (const host of ["evil.example", "127.0.0.1:5432", "postgrest", "countersign"]) {
    await t.step(host, async () => {
      const { status } = await raw([`GET ${WIDGETS} HTTP/1.1`, `Host: ${host}`, bearer(stage)]);
      assert.equal(status, 200);
      const asked = stage.upstream.asked.at(-1)!;
      assert.deepEqual([asked.path, asked.headers.get("host")], [WIDGETS, "postgrest"]);
    });
  }
  await t.step("an absolute target's host", async () => {
    const target = `http://evil.example${WIDGETS}`;
    const { status } = await raw([`GET ${target} HTTP/1.1`, "Host: x", bearer(stage)]);
    assert.equal(status, 200);
    assert.equal(stage.upstream.asked.at(-1)!.path, WIDGETS);
  });
  const malformed = [
    ["Host: x/rest/v1/invoices?"],
    ["Host: a", "Host: b"],
    ["Host: a b"],
    ["Host: a@b/c"],
    [],
  ];
  for (const lines of malformed) {
    await t.step(`${lines.join(" and ") || "no Host"} is refused`, async () => {
      const before = stage.upstream.asked.length;
      const { status } = await raw([`GET ${WIDGETS} HTTP/1.1`, ...lines, bearer(stage)]);
      assert.equal(status, 400);
      assert.equal(stage.upstream.asked.length, before);
    });
  }
}

async function bodies(t: Deno.TestContext, { stage, raw }: GatewayStage): Promise<void> {
  const hidden = "DELETE /rest/v1/invoices HTTP/1.1\r\nHost: x\r\n\r\n";
  await t.step("a request inside the body of a GET is not one", async () => {
    const before = stage.upstream.asked.length;
    const lines = [`GET ${WIDGETS} HTTP/1.1`, "Host: x", bearer(stage)];
    const { status } = await raw([...lines, `Content-Length: ${hidden.length}`], hidden);
    assert.equal(status, 200);
    assert.deepEqual(stage.upstream.asked.slice(before).map(({ method }) => method), ["GET"]);
  });
  await t.step("a length and chunks at once are refused, and each of them passes", async () => {
    const row = (name: string) => JSON.stringify({ name });
    const lines = (...more: string[]) => [
      "POST /rest/v1/widgets HTTP/1.1",
      "Host: x",
      "Content-Type: application/json",
      bearer(stage),
      ...more,
    ];
    const chunked = (body: string) => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const before = stage.upstream.asked.length;
    const both = lines("Content-Length: 4", "Transfer-Encoding: chunked");
    assert.equal((await raw(both, chunked(row("both")))).status, 400);
    const unknown = lines("Transfer-Encoding: chunked, identity");
    assert.ok([400, 501].includes((await raw(unknown, chunked(row("unknown")))).status));
    assert.equal(stage.upstream.asked.length, before);

    const inChunks = await raw(lines("Transfer-Encoding: chunked"), chunked(row("chunks")));
    assert.equal(inChunks.status, 201);
    const body = row("length");
    assert.equal((await raw(lines(`Content-Length: ${body.length}`), body)).status, 201);
  });
}

async function answers(t: Deno.TestContext, { stage }: GatewayStage): Promise<void> {
  const answering = async (headers: Record<string, string>, status = 200, body = '["own"]') => {
    let seen;
    await stage.upstream.answering(
      () => new Response(body === "" ? null : body, { status, headers }),
      async () => {
        seen = await stage.send(get(WIDGETS));
      },
    );
    return seen!;
  };
  for (const to of ["/rest/-/healthz", "/-/authorize", "@countersign", "@unanswered"]) {
    await t.step(`SQL does not send a client to ${to}`, async () => {
      const { status, text, headers } = await answering({ "X-Accel-Redirect": to });
      assert.deepEqual([status, text, headers.has("x-accel-redirect")], [200, '["own"]', false]);
    });
  }
  await t.step("SQL sets no cookie, but other headers", async () => {
    const { headers } = await answering({ "Set-Cookie": "a=b", "X-Total": "7", "ETag": '"1"' });
    assert.deepEqual(
      ["set-cookie", "x-total", "etag"].map((name) => headers.get(name)),
      [null, "7", '"1"'],
    );
  });
  await t.step("what PostgREST refuses passes unchanged, whatever the status", async () => {
    for (const status of [400, 401, 403, 404, 405, 406, 409, 500, 503]) {
      const body = `{"code":"PGRST301","status":${status}}`;
      const answer = await answering({ "WWW-Authenticate": "Bearer" }, status, body);
      assert.deepEqual([answer.status, answer.text], [status, body]);
      assert.equal(answer.headers.get("www-authenticate"), "Bearer");
    }
    const empty = await answering({}, 404, "");
    assert.deepEqual([empty.status, empty.text], [404, ""]);
  });
  await t.step("no answer has held a downstream token or the path that was judged", () => {
    const told = stage.answered.join("\n");
    const downstream = stage.upstream.asked.map(({ headers }) => headers.get("authorization"));
    assert.ok(downstream.length > 40);
    for (const token of downstream) assert.ok(token && !told.includes(token.slice(7)));
    assert.doesNotMatch(told, /countersign-path/i);
  });
}

/** Anything that listens at the function's address and answers with 200. */
const yesToAll: Host = {
  name: "no function at all",
  start() {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response("yes"),
    );
    return Promise.resolve({
      origin: `http://127.0.0.1:${server.addr.port}`,
      printed: () => "",
      logsAll: false,
      [Symbol.asyncDispose]: () => server.shutdown(),
    });
  },
};

Deno.test("without a downstream token nginx never asks PostgREST as anon", async () => {
  await using opened = await openGatewayStage("30s", yesToAll);
  const { stage } = opened;
  for (const token of [null, stage.warehouse.token(), stage.target.serviceRoleKey]) {
    const { status, text } = await stage.send(get(WIDGETS, { token }));
    assert.deepEqual([status, JSON.parse(text).code], [401, "PGRST301"]);
    assert.equal(stage.upstream.asked.at(-1)!.headers.get("authorization"), "Bearer none");
  }
});
