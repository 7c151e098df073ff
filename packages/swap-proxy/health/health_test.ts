import { NOW, payloadOf, SEAL_KEY, SECRET, TARGET } from "@countersign/fixture";
import { JwtVerificationError, type KeySource, memoryKeySource } from "@countersign/verifier";
import assert from "node:assert/strict";
import { createJwtSwapProxy } from "../create_jwt_swap_proxy.ts";
import type { Readiness } from "./readiness.ts";

type Answer = (claims: Record<string, unknown>, path: string) => Response | Promise<Response>;

const error = (status: number, code: string, message = "") => () =>
  Response.json({ code, message }, { status });
const rows = () => Response.json([{ version: "1" }], { headers: { "content-range": "0-0/*" } });
const gone = () => Promise.reject(new TypeError("refused"));

/** What PostgREST answers to each of the three questions if all is well. */
const WELL = {
  signature: error(404, "PGRST202"),
  roleClaim: ({ role }: Record<string, unknown>) =>
    Response.json({ code: "22023", message: `role "${role}" does not exist` }, { status: 400 }),
  guard: error(401, "token_refused"),
};
const OK: Readiness["checks"] = {
  registry: "ok",
  upstream: "ok",
  signature: "ok",
  role_claim: "ok",
  guard: "ok",
};

function harness(
  answers: { signature?: Answer; roleClaim?: Answer; guard?: Answer } = {},
  { find = () => undefined, ...source }: Partial<KeySource> = {},
) {
  let now = NOW;
  const told = { ...WELL, ...answers };
  const asked: { path: string; headers: Headers; claims: Record<string, unknown> }[] = [];
  const handler = createJwtSwapProxy({
    supabaseUrl: TARGET,
    apikey: "sb_publishable_1",
    supabaseJwtSecret: SECRET,
    keySource: { ...memoryKeySource([]), find, ...source },
    now: () => now,
    fetch: async (input, init) => {
      const headers = new Headers(init?.headers);
      const path = String(input).slice(TARGET.length);
      const claims = payloadOf(headers.get("authorization") ?? "");
      asked.push({ path, headers, claims });
      if (path.endsWith("/rpc/countersign_readyz")) return await told.signature(claims, path);
      return await ("countersign" in claims ? told.guard : told.roleClaim)(claims, path);
    },
  });
  const get = (path: string, method = "GET") => handler(new Request(`http://x${path}`, { method }));
  return {
    asked,
    told,
    get,
    pass: (milliseconds: number) => void (now += milliseconds),
    /** Status and checks, which agree. */
    async checks(): Promise<Readiness["checks"]> {
      const response = await get("/rest/-/readyz");
      const { status, checks, facts: _, ...rest } = await response.json();
      assert.deepEqual(rest, {});
      assert.equal(response.status, status === "ready" ? 200 : 503);
      assert.equal(response.headers.get("retry-after"), status === "ready" ? null : "1");
      assert.equal(status === "ready", isReady(checks));
      return checks;
    },
  };
}

/** Written from the reference of `/-/readyz`. */
function isReady({ registry, upstream, signature, role_claim, guard }: Readiness["checks"]) {
  return [registry, upstream, signature].every((check) => check === "ok") &&
    ["ok", "unknown"].includes(role_claim) && ["ok", "off", "unknown"].includes(guard);
}

Deno.test("/-/healthz says that the process lives, and asks nobody", async () => {
  const { get, asked } = harness({ signature: gone });
  const response = await get("/functions/v1/rest/-/healthz");
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { status: "ok" });
  assert.equal(asked.length, 0);
  assert.equal(await (await get("/rest/v1/-/healthz", "HEAD")).text(), "");
});

Deno.test("/-/readyz is ready when every check is", async () => {
  const { get, asked, checks } = harness();
  assert.deepEqual(await checks(), OK);
  assert.equal(await (await get("/rest/-/readyz", "HEAD")).text(), "");
  assert.equal(asked.length, 3);
  for (const { path, headers, claims } of asked) {
    assert.match(path, /^\/rest\/v1\/(rpc\/countersign_readyz|jwt_registry_version\?)/);
    assert.equal(headers.get("apikey"), "sb_publishable_1");
    assert.equal(claims.exp, NOW / 1000 + 30);
    assert.ok(claims.role === "anon" || /^countersign_probe_[0-9a-f]{8}$/.test(`${claims.role}`));
  }
});

Deno.test("/-/readyz tells who answers in PostgREST's place, and what is wrong with our signature", async () => {
  const unknown = { signature: "unknown", role_claim: "unknown", guard: "unknown" } as const;
  const cases: [Answer, Partial<Readiness["checks"]>][] = [
    [gone, { upstream: "unreachable", ...unknown }],
    [error(503, "PGRST002"), { upstream: "unavailable", ...unknown }],
    [() => new Response("Bad Gateway", { status: 502 }), { upstream: "unavailable", ...unknown }],
    [() => Response.json({ message: "Invalid API key" }, { status: 401 }), {
      upstream: "refused",
      ...unknown,
    }],
    [() => new Response(null, { status: 403 }), { upstream: "refused", ...unknown }],
    [() => Response.json({}, { status: 404 }), { upstream: "not_postgrest", ...unknown }],
    [() => new Response("<html>"), { upstream: "not_postgrest", ...unknown }],
    [() => Response.json("PGRST202", { status: 404 }), { upstream: "not_postgrest", ...unknown }],
    [rows, { upstream: "not_postgrest", ...unknown }],
    [error(401, "PGRST301"), { ...unknown, signature: "refused" }],
    [error(401, "PGRST303"), { ...unknown, signature: "refused" }],
    [error(500, "PGRST300"), { ...unknown, signature: "refused" }],
  ];
  for (const [signature, expected] of cases) {
    const { checks, asked } = harness({ signature });
    assert.deepEqual(await checks(), { ...OK, ...expected });
    assert.equal(asked.length, 1, "nothing else is asked");
  }
});

Deno.test("/-/readyz tells a role that comes from another claim from one that it cannot see", async () => {
  const cases: [Answer, Readiness["checks"]["role_claim"]][] = [
    [WELL.roleClaim, "ok"],
    [rows, "wrong"],
    [error(401, "42501", "permission denied for view jwt_registry_version"), "wrong"],
    [error(404, "42P01"), "wrong"],
    [error(401, "PGRST302", "Anonymous access is disabled"), "wrong"],
    // A target's own pre-request function, which ran as somebody.
    [error(403, "account_suspended"), "wrong"],
    // The message of another role is not about ours.
    [error(400, "22023", 'role "anon" does not exist'), "wrong"],
    [error(401, "PGRST301"), "unknown"],
    [error(503, "PGRST003"), "unknown"],
    [error(500, "57014"), "unknown"],
    [() => Response.json([]), "unknown"],
    [gone, "unknown"],
  ];
  for (const [roleClaim, expected] of cases) {
    assert.deepEqual(await harness({ roleClaim }).checks(), { ...OK, role_claim: expected });
  }
});

Deno.test("/-/readyz tells a guard that is not called from one that is off", async () => {
  const on = { guardIsOn: () => Promise.resolve(true) };
  const off = { guardIsOn: () => Promise.resolve(false) };
  const cannotSay = { guardIsOn: () => Promise.reject(new Error("gone")) };
  const denied = error(401, "42501");
  const cases: [Answer, Partial<KeySource>, Readiness["checks"]["guard"]][] = [
    [WELL.guard, on, "ok"],
    // PostgREST's own file may name it, which the database cannot see.
    [WELL.guard, off, "ok"],
    [WELL.guard, {}, "ok"],
    [denied, on, "not_called"],
    [rows, on, "not_called"],
    [error(401, "not_logged_in"), on, "not_called"],
    [denied, off, "off"],
    [denied, {}, "off"],
    [denied, cannotSay, "off"],
    [error(401, "PGRST301"), on, "unknown"],
    [error(400, "22023", 'role "anon" does not exist'), on, "unknown"],
    [() => Response.json([]), on, "unknown"],
    [gone, on, "unknown"],
  ];
  for (const [guard, source, expected] of cases) {
    assert.deepEqual(await harness({ guard }, source).checks(), { ...OK, guard: expected });
  }
});

Deno.test("/-/readyz asks for what is exposed where the schema of our view is not", async () => {
  for (const hidden of [error(406, "PGRST106"), error(404, "PGRST205")]) {
    const onlyAtRoot = (answer: Answer): Answer => (claims, path) =>
      path.endsWith("/rest/v1/") ? answer(claims, path) : hidden();
    const described = () =>
      new Response("{}", {
        headers: { "content-type": "application/openapi+json; charset=utf-8" },
      });
    const well = { roleClaim: onlyAtRoot(WELL.roleClaim), guard: onlyAtRoot(WELL.guard) };
    assert.deepEqual(await harness(well).checks(), OK);
    const unwell = { roleClaim: onlyAtRoot(described), guard: onlyAtRoot(described) };
    const on = { guardIsOn: () => Promise.resolve(true) };
    assert.deepEqual(await harness(unwell, on).checks(), {
      ...OK,
      role_claim: "wrong",
      guard: "not_called",
    });
    const nowhere = { roleClaim: hidden, guard: hidden };
    assert.deepEqual(await harness(nowhere, on).checks(), {
      ...OK,
      role_claim: "unknown",
      guard: "unknown",
    });
  }
});

Deno.test("/-/readyz is not ready when the registry holds no key to seal with", async () => {
  for (const none of [() => undefined, () => Promise.resolve(undefined)]) {
    assert.deepEqual(await harness({}, { sealKey: none }).checks(), {
      ...OK,
      registry: "no_seal_key",
    });
  }
  const found = { sealKey: () => SEAL_KEY };
  assert.deepEqual(await harness({}, found).checks(), OK);
  const unreadable = { sealKey: () => Promise.reject(new Error("gone")) };
  assert.deepEqual(await harness({}, unreadable).checks(), { ...OK, registry: "unavailable" });
});

Deno.test("/-/readyz is not ready when the registry cannot be read", async () => {
  const sources: KeySource[] = [
    { find: () => Promise.reject(new Error("gone")) },
    {
      find() {
        throw new Error("gone");
      },
    },
  ];
  for (const source of sources) {
    assert.deepEqual(await harness({}, source).checks(), { ...OK, registry: "unavailable" });
  }
});

Deno.test("/-/readyz asks once a second, and half a minute apart while it is well what costs a line in Postgres' log", async () => {
  const { asked, get, pass, told, checks } = harness();
  await Promise.all(Array.from({ length: 100 }, () => get("/rest/-/readyz")));
  assert.equal(asked.length, 3);
  pass(1_000);
  await checks();
  assert.equal(asked.length, 4);
  told.roleClaim = rows;
  told.guard = gone;
  pass(28_000);
  assert.deepEqual(await checks(), OK);
  assert.equal(asked.length, 5);
  pass(1_000);
  assert.deepEqual(await checks(), { ...OK, role_claim: "wrong", guard: "unknown" });
  Object.assign(told, WELL);
  pass(1_000);
  assert.deepEqual(await checks(), OK);
});

Deno.test("/-/readyz asks the registry itself, whatever names are being looked up", async () => {
  const crowded = () =>
    Promise.reject(
      new JwtVerificationError("registry_overloaded", "Too many unknown issuers wait"),
    );
  const check = () => Promise.resolve();
  assert.equal((await harness({}, { find: crowded, check }).checks()).registry, "ok");
  assert.equal((await harness({}, { find: crowded }).checks()).registry, "unavailable");
  const down = () => Promise.reject(new Error("gone"));
  assert.equal((await harness({}, { check: down }).checks()).registry, "unavailable");
});
