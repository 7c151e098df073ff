import assert from "node:assert/strict";
import { JwtVerificationError, type KeySource, restKeySource } from "./mod.ts";
import type { RestKeySourceOptions } from "./mod.ts";
import { keySourceContract } from "./testing.ts";

const SUPABASE_URL = "https://ref.supabase.co";
const SECRET = "sb_secret_0123456789";

type Row = Record<string, unknown>;
const rowOf = (issuer: string): Row => ({
  issuer,
  is_active: true,
  allowed_roles: ["writer"],
  default_role: null,
  allowed_subjects: null,
  allow_user_subjects: false,
  allowed_claims: null,
  audiences: null,
  max_token_lifetime: 300,
  reject_issued_before: null,
  single_use: false,
  mode: "enforce",
  keys: [{
    kid: "k",
    algorithm: "EdDSA",
    public_key: "pem",
    not_before: null,
    not_after: null,
  }],
  revoked_kids: [],
});

/** A registry behind `fetch`, with a clock. It answers what a filter on equality would. */
class Registry {
  readonly rows = new Map<string, Row>();
  readonly requests: Request[] = [];
  milliseconds = 1_800_000_000_000;
  /** Answers in place of the registry. */
  answer: ((request: Request) => Response | Promise<Response>) | undefined;

  readonly fetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    this.requests.push(request);
    // As on the wire: never in the same turn.
    await Promise.resolve();
    if (this.answer !== undefined) return this.answer(request);
    const filter = new URL(request.url).searchParams.get("issuer") ?? "";
    const row = filter.startsWith("eq.") ? this.rows.get(filter.slice(3)) : undefined;
    return Response.json(row === undefined ? [] : [row]);
  };

  source(options: Partial<RestKeySourceOptions> = {}): KeySource {
    return restKeySource({
      supabaseUrl: SUPABASE_URL,
      serviceRoleKey: SECRET,
      fetch: this.fetch,
      now: () => this.milliseconds,
      ...options,
    });
  }

  put(issuer: string, change: Row = {}): void {
    this.rows.set(issuer, { ...this.rows.get(issuer) ?? rowOf(issuer), ...change });
  }
}

keySourceContract("restKeySource()", () => {
  const registry = new Registry();
  return {
    source: registry.source(),
    register: (issuer) => registry.put(issuer),
    change: (issuer) => registry.put(issuer, { max_token_lifetime: 10 }),
    deactivate: (issuer) => registry.put(issuer, { is_active: false }),
    settle: () => {
      registry.milliseconds += 5000;
    },
    cutOff: () => {
      registry.milliseconds += 5000;
      registry.answer = (request) => Promise.reject(new TypeError(`can't reach ${request.url}`));
    },
    dispose: () => {},
  };
});

async function refused(attempt: () => unknown): Promise<JwtVerificationError> {
  try {
    await attempt();
  } catch (error) {
    assert.ok(error instanceof JwtVerificationError, String(error));
    assert.equal(error.code, "registry_unavailable");
    return error;
  }
  return assert.fail("Expected a refusal");
}

Deno.test("restKeySource() asks for exactly one issuer, and for no column it doesn't need", async () => {
  const registry = new Registry();
  await registry.source().find('a&b=c,d(e)+ %*.é"#');
  const url = new URL(registry.requests[0]?.url ?? "");
  assert.equal(url.origin + url.pathname, `${SUPABASE_URL}/rest/v1/jwt_issuer_policies`);
  assert.deepEqual([...url.searchParams.keys()], ["select", "issuer"]);
  assert.equal(url.searchParams.get("issuer"), 'eq.a&b=c,d(e)+ %*.é"#');
  assert.ok(!url.searchParams.get("select")?.includes("*"));
});

Deno.test("restKeySource() sends a secret key as apikey alone, and a JWT in both headers", async () => {
  const registry = new Registry();
  const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2ln";
  await registry.source().find("billing");
  await registry.source({ serviceRoleKey: jwt }).find("billing");
  const headers = registry.requests.map(({ headers }) => [
    headers.get("apikey"),
    headers.get("authorization"),
  ]);
  assert.deepEqual(headers, [[SECRET, null], [jwt, `Bearer ${jwt}`]]);
});

Deno.test("restKeySource() keeps the path of a project behind a prefix", async () => {
  const registry = new Registry();
  await registry.source({ supabaseUrl: "http://localhost:8000/supabase/" }).find("billing");
  assert.match(
    registry.requests[0]?.url ?? "",
    /^http:\/\/localhost:8000\/supabase\/rest\/v1\/jwt_issuer_policies\?/,
  );
});

Deno.test("restKeySource() answers from memory while a record is fresh", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  const record = await source.find("billing");
  registry.milliseconds += 2499;
  assert.equal(source.find("billing"), record);
  assert.equal(registry.requests.length, 1);
});

Deno.test("restKeySource() reads again in the background from half its staleness on", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  await source.find("billing");
  registry.put("billing", { is_active: false });
  registry.milliseconds += 2500;
  const stale = source.find("billing");
  assert.ok(!(stale instanceof Promise) && stale?.isActive);
  while (registry.requests.length < 2) await Promise.resolve();
  let current = source.find("billing");
  for (let turn = 0; turn < 20 && !(current instanceof Promise) && current?.isActive; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    current = source.find("billing");
  }
  assert.ok(!(current instanceof Promise) && current?.isActive === false);
  assert.equal(registry.requests.length, 2);
});

Deno.test("restKeySource() never uses a record beyond its staleness", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  await source.find("billing");
  registry.put("billing", { is_active: false });
  registry.milliseconds += 5000;
  assert.equal((await source.find("billing"))?.isActive, false);
});

Deno.test("restKeySource() counts staleness from when it asked, not from the answer", async () => {
  const registry = new Registry();
  registry.put("billing");
  registry.answer = () => {
    registry.milliseconds += 4000;
    return Response.json([registry.rows.get("billing")]);
  };
  const source = registry.source();
  await source.find("billing");
  registry.answer = undefined;
  registry.milliseconds += 1000;
  assert.ok(source.find("billing") instanceof Promise);
});

Deno.test("restKeySource() trusts no record from the future of a clock that was set back", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  await source.find("billing");
  registry.milliseconds -= 1;
  assert.ok(source.find("billing") instanceof Promise);
});

Deno.test("restKeySource() asks every time without staleness", async () => {
  const registry = new Registry();
  const source = registry.source({ maxStaleness: 0 });
  for (const issuer of ["billing", "billing", "shipping", "shipping"]) {
    if (issuer === "billing") registry.put(issuer);
    await source.find(issuer);
  }
  assert.equal(registry.requests.length, 4);
});

Deno.test("restKeySource() asks once for many callers at a time", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  const found = await Promise.all(Array.from({ length: 50 }, () => source.find("billing")));
  assert.equal(registry.requests.length, 1);
  assert.equal(new Set(found).size, 1);
});

Deno.test("restKeySource() repeats for a second that an issuer is unknown", async () => {
  const registry = new Registry();
  const source = registry.source();
  await source.find("billing");
  registry.put("billing");
  registry.milliseconds += 999;
  assert.equal(source.find("billing"), undefined);
  registry.milliseconds += 1;
  assert.equal((await source.find("billing"))?.issuer, "billing");
});

Deno.test("restKeySource() asks for fifty unknown issuers a second, and no more", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  await source.find("billing");
  for (let index = 0; index < 49; index++) await source.find(`unknown-${index}`);
  await refused(() => source.find("one-too-many"));
  assert.equal(registry.requests.length, 50);
  // A known issuer doesn't pay for the flood.
  registry.milliseconds += 5000;
  for (let index = 0; index < 51; index++) {
    await Promise.resolve(source.find(`flood-${index}`)).catch(() => {});
  }
  assert.equal((await source.find("billing"))?.issuer, "billing");
});

Deno.test("restKeySource() remembers at most a thousand issuers, and forgets the oldest", async () => {
  const registry = new Registry();
  const source = registry.source({ maxStaleness: 3_600_000 });
  for (let index = 0; index <= 1000; index++) {
    if (index % 50 === 0) registry.milliseconds += 1000;
    registry.put(`issuer-${index}`);
    await source.find(`issuer-${index}`);
  }
  assert.ok(!(source.find("issuer-1") instanceof Promise));
  const forgotten = source.find("issuer-0");
  assert.ok(forgotten instanceof Promise);
  assert.equal((await forgotten)?.issuer, "issuer-0");
});

Deno.test("restKeySource() keeps known issuers while the registry is down, and no longer", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  const record = await source.find("billing");
  registry.answer = () => Response.json({ message: "down" }, { status: 503 });
  registry.milliseconds += 4999;
  assert.equal(source.find("billing"), record);
  await refused(() => source.find("shipping"));
  registry.milliseconds += 1;
  await refused(() => source.find("billing"));
});

Deno.test("restKeySource() drops a record whose row can't be read any more", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  await source.find("billing");
  registry.put("billing", { mode: "unheard-of" });
  registry.milliseconds += 2500;
  await source.find("billing");
  await new Promise((resolve) => setTimeout(resolve, 0));
  await refused(() => source.find("billing"));
});

Deno.test("restKeySource() asks a registry that is down once a second for a name", async () => {
  const registry = new Registry();
  registry.answer = () => Response.json({}, { status: 503 });
  const source = registry.source();
  await refused(() => source.find("billing"));
  await refused(() => source.find("billing"));
  assert.equal(registry.requests.length, 1);
  registry.milliseconds += 1000;
  registry.answer = undefined;
  registry.put("billing");
  assert.equal((await source.find("billing"))?.issuer, "billing");
});

Deno.test("restKeySource() asks once a second in the background while the registry is down", async () => {
  const registry = new Registry();
  registry.put("billing");
  const source = registry.source();
  await source.find("billing");
  registry.answer = () => Response.json({}, { status: 503 });
  registry.milliseconds += 2500;
  for (let index = 0; index < 20; index++) {
    source.find("billing");
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assert.equal(registry.requests.length, 2);
});

const body = (text: string, status = 200) => () => new Response(text, { status });
const ANSWERS: Record<string, (request: Request) => Response | Promise<Response>> = {
  "status 500": body("[]", 500),
  "status 401": body(JSON.stringify({ message: "Invalid API key" }), 401),
  "status 206": body("[]", 206),
  "a redirect": () =>
    new Response(null, { status: 302, headers: { location: "https://attacker.example" } }),
  "something that is no JSON": body("<html>"),
  "an object": body("{}"),
  "null": body("null"),
  "nothing": body(""),
  "two rows": () => Response.json([rowOf("billing"), rowOf("billing")]),
  "a row with a hole in it": () => Response.json([{ ...rowOf("billing"), mode: undefined }]),
  "invalid UTF-8": () => new Response(Uint8Array.of(0x5b, 0xff, 0x5d)),
  "ten megabytes": () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024).fill(0x20)),
      }),
    ),
  "an error of the network": () => Promise.reject(new TypeError("connection refused")),
};
for (const [name, answer] of Object.entries(ANSWERS)) {
  Deno.test(`restKeySource() rejects on ${name}`, async () => {
    const registry = new Registry();
    registry.answer = answer;
    const error = await refused(() => registry.source().find("name-from-a-token"));
    assert.equal(error.cause, undefined);
    assert.ok(!`${error.message}${error.stack}`.includes("name-from-a-token"));
    assert.ok(!`${error.message}${error.stack}`.includes(SECRET));
  });
}

Deno.test("restKeySource() gives up on a registry that hangs, before or after its headers", async () => {
  const hangs: Registry["answer"][] = [
    (request) =>
      new Promise((_, reject) => {
        request.signal.addEventListener("abort", () => reject(request.signal.reason));
      }),
    (request) =>
      new Response(
        new ReadableStream({
          start: (controller) => {
            request.signal.addEventListener(
              "abort",
              () => controller.error(request.signal.reason),
            );
          },
        }),
      ),
  ];
  for (const answer of hangs) {
    const registry = new Registry();
    registry.answer = answer;
    const error = await refused(() => registry.source({ queryTimeout: 10 }).find("billing"));
    assert.match(error.message, /within 10 ms/);
  }
});

Deno.test("restKeySource() rejects options that are a programmer's mistake", () => {
  const options = { supabaseUrl: SUPABASE_URL, serviceRoleKey: SECRET };
  for (
    const [changes, kind] of [
      [{ supabaseUrl: "ref" }, TypeError],
      [{ supabaseUrl: `${SUPABASE_URL}?x=1` }, TypeError],
      [{ supabaseUrl: `${SUPABASE_URL}#x` }, TypeError],
      [{ serviceRoleKey: " " }, TypeError],
      [{ serviceRoleKey: `${SECRET}\r\nx-evil: 1` }, TypeError],
      [{ maxStaleness: -1 }, RangeError],
      [{ maxStaleness: NaN }, RangeError],
      [{ maxStaleness: Infinity }, RangeError],
      [{ queryTimeout: 0 }, RangeError],
      [{ queryTimeout: 60_001 }, RangeError],
    ] as const
  ) {
    assert.throws(
      () => restKeySource({ ...options, ...changes }),
      (error) => error instanceof kind && !error.message.includes(SECRET),
    );
  }
});
