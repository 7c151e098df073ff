import assert from "node:assert/strict";
import { type Attempt, newName, payloadOf } from "@countersign/fixture";
import { passes, refuses, sameAsPostgrest, type Stage } from "@countersign/fixture/stage";
import type { Scenario } from "./scenario.ts";

const GET: Attempt = { method: "GET", path: "/rest/v1/widgets?select=name&limit=1" };

function downstream(stage: Stage): Record<string, unknown> {
  const { issuer: iss, kid } = stage.warehouse.material;
  return { iss, sub: "press-1", role: "widgets_writer", countersign: { kid } };
}

/** What hops between the function and PostgREST add. */
const OF_THE_GATEWAY =
  /^(?:host|connection|x-forwarded-\w+|x-real-ip|content-length|transfer-encoding)$/;

function headersSent(stage: Stage): Headers {
  return stage.upstream.asked.at(-1)!.headers;
}

export const FORWARDING: readonly Scenario[] = [
  {
    name: "a request without a token is challenged, and PostgREST is not asked as anon",
    async run(stage) {
      await refuses(stage, "token_missing", { ...GET, token: null });
      await refuses(stage, "token_missing", {
        ...GET,
        token: null,
        headers: [["apikey", stage.warehouse.token()]],
      });
      await passes(stage, GET);
    },
  },
  {
    name: "two credentials are refused, whichever is good",
    async run(stage) {
      const good = stage.warehouse.token();
      const bearer = (token: string) => ["Authorization", `Bearer ${token}`] as const;
      await refuses(stage, "credentials_invalid", { ...GET, token: good, headers: [bearer(good)] });
      await refuses(stage, "credentials_invalid", {
        ...GET,
        token: null,
        headers: [["Authorization", `Bearer ${good}, Bearer ${good}`]],
      });
      await refuses(stage, "credentials_invalid", {
        ...GET,
        token: null,
        headers: [["Authorization", `Basic ${good}`]],
      });
      await passes(stage, { ...GET, token: null, headers: [["authorization", `bearer ${good}`]] });
    },
  },
  {
    name: "PostgREST gets a sealed token, whose claims the database knows for the proxy's",
    async run(stage) {
      const claims = { aud: [stage.target.url], tenant: { "naïve 🔑": [0.05, -1e-7, {}, []] } };
      await passes(stage, { ...GET, token: stage.warehouse.token({ claims }) });
      const sent = payloadOf(headersSent(stage).get("authorization") ?? "");
      const { countersign: mark, aud, tenant } = sent;
      assert.equal("iat" in sent, false);
      assert.deepEqual([aud, tenant], [stage.target.url, claims.tenant]);
      const { kid, jti, iat, seal, ...rest } = mark as Record<string, unknown>;
      assert.deepEqual([kid, rest], [stage.warehouse.material.kid, {}]);
      assert.equal(typeof jti, "string");
      assert.ok(Math.abs(Number(iat) - Date.now() / 1000) < 60);
      assert.match(String(seal), /^[0-9a-f]{12}\.[A-Za-z0-9_-]{43}$/);

      const isLive = async (claims: object) => {
        const [, row] = await stage.sql.begin((sql) => [
          sql`select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true)`,
          sql`select countersign.is_live() as live`,
        ]);
        return row?.[0]?.["live"];
      };
      assert.equal(await isLive(sent), true);
      assert.equal(await isLive({ ...sent, sub: "press-2" }), false);
    },
  },
  {
    name: "a token above 8 KiB is refused, one just below is not",
    async run(stage) {
      const sized = (bytes: number) => {
        const spare = bytes - stage.warehouse.token({ claims: { note: "" } }).length;
        return stage.warehouse.token({ claims: { note: "n".repeat(Math.floor(spare * 3 / 4)) } });
      };
      await refuses(stage, "token_too_large", { ...GET, token: sized(8_200) });
      await passes(stage, { ...GET, token: sized(8_190) });
    },
  },
  {
    name: "only PostgREST's own paths are served, under every mount that the platform has",
    async run(stage) {
      for (const path of ["/rest/v1/widgets", "/rest/widgets", "/functions/v1/rest/v1/widgets"]) {
        await passes(stage, { ...GET, path });
        assert.equal(stage.upstream.asked.at(-1)!.path, "/rest/v1/widgets");
      }
      for (
        const path of [
          "/",
          "/restful/widgets",
          "/rest/v10/widgets",
          "/rest/v1/../../auth/v1/admin/users",
          "/rest/v1/%2e%2e%2fauth%2fv1",
          "/rest/v1/..%5cauth",
          "/rest/v1/%252e%252e",
          "/rest/v1//widgets",
          "/rest/v1/widgets/1",
          "/auth/v1/admin/users",
        ]
      ) await refuses(stage, "path_not_found", { ...GET, path });
    },
  },
  {
    name: "only headers that PostgREST reads go upstream",
    async run(stage) {
      const read: [string, string][] = [
        ["Prefer", "count=exact"],
        ["Range", "0-0"],
        ["X-Client-Info", "a-client/1"],
      ];
      const never: [string, string][] = [
        ["Connection", "X-Secret, Prefer"],
        ["X-Secret", "hop"],
        ["Cookie", "session=1"],
        ["X-Forwarded-For", "203.0.113.9"],
        ["X-Forwarded-Host", "attacker.example"],
        ["Forwarded", "for=203.0.113.9"],
        ["CF-Connecting-IP", "203.0.113.9"],
        ["Keep-Alive", "timeout=5"],
        ["TE", "trailers"],
        ["Proxy-Authorization", "Basic eA=="],
        ["X-Http-Method-Override", "DELETE"],
      ];
      await passes(stage, { ...GET, headers: [...read, ...never] });
      const sent = headersSent(stage);
      for (const [name, value] of read) assert.equal(sent.get(name), value, name);
      for (const [name] of never) {
        // Our own side of the connection to the upstream may say `Connection` for itself.
        assert.ok(name === "Connection" || !sent.has(name), name);
      }
      assert.doesNotMatch(sent.get("connection") ?? "", /X-Secret/i);
      assert.notEqual(sent.get("host"), "edge-runtime.internal");
    },
  },
  {
    name: "a trace goes on in SQL, which sees nothing else that the reference does not name",
    forwards: "the function",
    async run(stage) {
      const trace: [string, string][] = [
        ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
        ["tracestate", "vendor=1"],
        ["baggage", "tenant=7"],
      ];
      const answer = await passes(stage, {
        method: "GET",
        path: "/rest/v1/rpc/seen_headers",
        headers: [...trace, ["X-Tenant", "north"], ["User-Agent", "a-client/1"]],
      });
      const seen: Record<string, string> = JSON.parse(answer.text);
      for (const [name, value] of trace) assert.equal(seen[name], value);
      assert.equal(seen["x-tenant"], undefined);
      assert.doesNotMatch(seen["user-agent"] ?? "", /a-client/);
      const reference = await Deno.readTextFile(
        new URL("../../../../docs/reference/headers.md", import.meta.url),
      );
      const undocumented = Object.keys(seen).filter((name) =>
        !reference.toLowerCase().includes(`\`${name}`) && !OF_THE_GATEWAY.test(name)
      );
      assert.deepEqual(undocumented, []);
    },
  },
  {
    name: "what SQL sets for a client reaches it, but for a cookie",
    forwards: "the function",
    async run(stage) {
      const call = (headers: object[], status = 200): Attempt => ({
        path: "/rest/v1/rpc/answer_with",
        body: JSON.stringify({ headers: JSON.stringify(headers), status }),
      });
      const set = {
        "content-disposition": 'attachment; filename="widgets.csv"',
        "content-language": "de",
        "x-total": "7",
      };
      const { headers, text } = await passes(
        stage,
        call([...Object.entries(set).map(([name, value]) => ({ [name]: value })), {
          "set-cookie": "a=b",
        }]),
      );
      assert.equal(text, '"answered"');
      for (const [name, value] of Object.entries(set)) assert.equal(headers.get(name), value);
      assert.equal(headers.get("set-cookie"), null);

      const reset = await stage.send(call([], 205));
      assert.deepEqual([reset.status, reset.text], [204, ""]);
    },
  },
  {
    name:
      "upstream gets the project's publishable key and a downstream token, nothing of the caller's",
    async run(stage) {
      const token = stage.warehouse.token();
      await passes(stage, {
        ...GET,
        token,
        headers: [["apikey", stage.target.serviceRoleKey]],
      });
      const sent = headersSent(stage);
      assert.equal(sent.get("apikey"), stage.target.publishableKey);
      const downstreamToken = sent.get("authorization")!.slice("Bearer ".length);
      assert.notEqual(downstreamToken, token);
      const [header, payload] = downstreamToken.split(".").slice(0, 2).map((part) =>
        JSON.parse(atob(part.replaceAll("-", "+").replaceAll("_", "/")))
      );
      // A kid would have to match a key that PostgREST has (the legacy secret has none).
      assert.deepEqual(header, { alg: "HS256", typ: "JWT" });
      const { issuer, kid } = stage.warehouse.material;
      assert.deepEqual([payload.iss, payload.role, payload.countersign.kid], [
        issuer,
        "widgets_writer",
        kid,
      ]);
      const now = Math.floor(Date.now() / 1000);
      assert.ok(
        payload.exp > now && payload.exp <= now + 30,
        `exp ${payload.exp - now} s from now`,
      );
    },
  },
  {
    name: "profiles switch the schema, and an unexposed one is PostgREST's to refuse",
    async run(stage) {
      const totals = { ...GET, path: "/rest/v1/totals?select=total" };
      const answer = await passes(stage, { ...totals, headers: [["Accept-Profile", "reports"]] });
      assert.deepEqual(JSON.parse(answer.text), [{ total: 7 }]);
      await passes(stage, {
        path: "/rest/v1/totals",
        headers: [["Content-Profile", "reports"]],
        body: JSON.stringify({ name: newName(), total: 1 }),
      });
      for (const schema of ["countersign", "auth", "pg_catalog"]) {
        const refused = await sameAsPostgrest(stage, downstream(stage), {
          ...totals,
          token: stage.warehouse.token(),
          headers: [["Accept-Profile", schema]],
        });
        assert.deepEqual([refused.status, JSON.parse(refused.text).code], [406, "PGRST106"]);
      }
    },
  },
  {
    name: "what PostgREST answers comes through as it is",
    async run(stage) {
      const json = (body: unknown) => JSON.stringify(body);
      const attempts: Attempt[] = [
        { method: "GET", path: "/rest/v1/no_such_table" },
        { method: "HEAD", path: "/rest/v1/no_such_table" },
        { method: "GET", path: "/rest/v1/widgets?no_such_column=eq.1" },
        { method: "GET", path: "/rest/v1/widgets?name=nonsense" },
        { method: "GET", path: "/rest/v1/invoices" },
        { method: "GET", path: "/rest/v1/jwt_issuers" },
        { method: "POST", path: "/rest/v1/widgets", body: json({ no_such_column: 1 }) },
        { method: "POST", path: "/rest/v1/widgets", body: json({ name: null }) },
        { method: "POST", path: "/rest/v1/widgets", body: "not json" },
        { method: "POST", path: "/rest/v1/rpc/no_such_function", body: "{}" },
        { method: "GET", path: "/rest/v1/widgets", headers: [["Range", "9-1"]] },
        {
          method: "GET",
          path: "/rest/v1/widgets?name=eq.none",
          headers: [["Accept", "application/vnd.pgrst.object+json"]],
        },
        { method: "GET", path: "/rest/v1/widgets", headers: [["Accept", "image/png"]] },
        { method: "HEAD", path: "/rest/v1/widgets", headers: [["Prefer", "count=exact"]] },
        { method: "OPTIONS", path: "/rest/v1/widgets", body: "" },
        { method: "GET", path: "/rest/v1/rpc/repeat_text?piece=%C3%A4%2F&times=3" },
      ];
      for (const attempt of attempts) {
        await sameAsPostgrest(stage, downstream(stage), {
          ...attempt,
          token: stage.warehouse.token(),
        });
      }
    },
  },
  {
    name: "HEAD carries PostgREST's count and no body",
    async run(stage) {
      await passes(stage, {});
      const answer = await passes(stage, {
        method: "HEAD",
        path: "/rest/v1/widgets",
        headers: [["Prefer", "count=exact"]],
      });
      assert.match(answer.headers.get("content-range") ?? "", /^0-\d+\/\d+$/);
      await refuses(stage, "malformed", { ...GET, token: "not-a-token" });
      const refused = await stage.send({ method: "HEAD", path: "/rest/v1/widgets", token: "no" });
      assert.deepEqual([refused.status, refused.text], [401, ""]);
    },
  },
  {
    name: "healthz and readyz answer without a token, and nothing else under /-/ does",
    async run(stage) {
      const probe = (path: string) => stage.send({ method: "GET", path, token: null });
      assert.equal((await probe("/rest/-/healthz")).status, 200);
      const ready = await probe("/rest/v1/-/readyz");
      assert.equal(ready.status, 200);
      const { status, checks } = JSON.parse(ready.text);
      assert.equal(status, "ready");
      assert.deepEqual(checks, {
        registry: "ok",
        upstream: "ok",
        signature: "ok",
        role_claim: "ok",
        guard: "off",
      });
      await refuses(stage, "path_not_found", { method: "GET", path: "/rest/-/env", token: null });
    },
  },
  {
    name: "large bodies stream both ways",
    async run(stage) {
      const url = `${stage.function.origin}/rest/v1/rpc`;
      const headers = { Authorization: `Bearer ${stage.warehouse.token()}` };
      const size = 2 * 1024 * 1024;

      const up = await fetch(`${url}/text_length`, {
        method: "POST",
        headers: { ...headers, "Content-Type": "application/json" },
        body: JSON.stringify({ body: "x".repeat(size) }),
      });
      assert.equal(await up.json(), size);

      const down = await fetch(`${url}/repeat_text?piece=y&times=${size}`, { headers });
      let received = 0;
      for await (const chunk of down.body!) received += chunk.length;
      assert.deepEqual([down.status, received], [200, size + '""'.length]);
    },
  },
  {
    name: "the first bytes of an upload reach the upstream before the last are sent",
    async run(stage) {
      const arrived = Promise.withResolvers<void>();
      const upload = new ReadableStream<Uint8Array>({
        async start(controller) {
          controller.enqueue(new TextEncoder().encode('{"name":'));
          await arrived.promise;
          controller.enqueue(new TextEncoder().encode("null}"));
          controller.close();
        },
      });
      const answer = async (request: Request) => {
        let text = "";
        for await (const piece of request.body!.pipeThrough(new TextDecoderStream())) {
          text += piece;
          arrived.resolve();
        }
        return new Response(text);
      };
      await stage.upstream.answering(answer, async () => {
        const response = await fetch(`${stage.function.origin}/rest/v1/widgets`, {
          method: "POST",
          headers: { Authorization: `Bearer ${stage.warehouse.token()}` },
          body: upload,
        });
        assert.equal(await response.text(), '{"name":null}');
      });
    },
  },
];
