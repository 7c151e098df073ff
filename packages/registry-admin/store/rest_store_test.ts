import assert from "node:assert/strict";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";
import { listPublicKeys } from "../issuers/list.ts";
import type { RestTarget } from "../target.ts";

const LEGACY = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmF0dXJl";
const SECRET = "sb_secret_abcdefghijklmnop";

/** A target whose gateway answers as told, and the requests that it saw. */
function target(
  answer: () => Response | Promise<Response>,
  options: Partial<RestTarget> = {},
): { seen: Request[]; target: RestTarget } {
  const seen: Request[] = [];
  return {
    seen,
    target: {
      supabaseUrl: "https://ref.supabase.co",
      serviceRoleKey: LEGACY,
      fetch: async (input, init) => {
        seen.push(new Request(input, init));
        return await answer();
      },
      ...options,
    },
  };
}

const empty = () => Response.json([]);

async function refused(
  given: { target: RestTarget },
  code: RegistryErrorCode,
  message: RegExp,
): Promise<void> {
  await assert.rejects(listPublicKeys(given.target), (error) => {
    assert(error instanceof RegistryError);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    const shown = Deno.inspect(error);
    assert(!shown.includes(LEGACY) && !shown.includes(SECRET), shown);
    return true;
  });
}

Deno.test("RestStore sends a secret key as apikey and never as a bearer token", async () => {
  const given = target(empty, { serviceRoleKey: SECRET });
  await listPublicKeys(given.target);
  assert.equal(given.seen[0]?.headers.get("apikey"), SECRET);
  assert.equal(given.seen[0]?.headers.get("authorization"), null);
});

Deno.test("RestStore sends a legacy key as apikey and as a bearer token", async () => {
  const given = target(empty);
  await listPublicKeys(given.target);
  assert.equal(given.seen[0]?.headers.get("apikey"), LEGACY);
  assert.equal(given.seen[0]?.headers.get("authorization"), `Bearer ${LEGACY}`);
});

for (
  const [supabaseUrl, expected] of [
    ["https://ref.supabase.co", "https://ref.supabase.co/rest/v1/jwt_issuers"],
    ["https://ref.supabase.co/", "https://ref.supabase.co/rest/v1/jwt_issuers"],
    ["http://kong:8000/base/", "http://kong:8000/base/rest/v1/jwt_issuers"],
  ] as const
) {
  Deno.test(`RestStore asks ${expected} for ${supabaseUrl}`, async () => {
    const given = target(empty, { supabaseUrl });
    await listPublicKeys(given.target);
    assert.equal(given.seen[0]?.url.split("?")[0], expected);
  });
}

for (
  const [what, options, code, message] of [
    ["a publishable key", { serviceRoleKey: "sb_publishable_x" }, "not_authorized", /secret key/],
    ["an empty key", { serviceRoleKey: "" }, "invalid_argument", /service key/],
    ["a key with a line break", { serviceRoleKey: `${LEGACY}\n` }, "invalid_argument", /pasted/],
    ["a URL that is none", { supabaseUrl: "ref.supabase.co" }, "invalid_argument", /URL/],
    ["a URL of files", { supabaseUrl: "file:///etc/passwd" }, "invalid_argument", /URL/],
    ["a URL with a password", { supabaseUrl: "https://u:p@x.co" }, "invalid_argument", /URL/],
  ] satisfies [string, Partial<RestTarget>, RegistryErrorCode, RegExp][]
) {
  Deno.test(`RestStore refuses ${what} before it sends anything`, async () => {
    const given = target(empty, options);
    await refused(given, code, message);
    assert.equal(given.seen.length, 0);
  });
}

for (
  const [what, answer, code, message] of [
    [
      "a gateway that refuses the key and quotes it",
      () => Response.json({ message: `Invalid API key ${LEGACY}` }, { status: 401 }),
      "not_authorized",
      /the gateway refused this one/,
    ],
    [
      "a page of another web site",
      () => new Response("<html>", { headers: { "content-type": "text/html" } }),
      "unreachable",
      /found status 200; check the URL/,
    ],
    // postgrest-js takes an empty 404 for success, and calls it 204.
    ["an empty 404", () => new Response(null, { status: 404 }), "unreachable", /204/],
    [
      "a gateway without its database",
      () => new Response("upstream", { status: 503 }),
      "unreachable",
      /503/,
    ],
    [
      "no answer at all",
      () => Promise.reject(new TypeError(`connect failed for ${LEGACY}`)),
      "unreachable",
      /found no answer/,
    ],
    ["an answer that is no list", () => Response.json({}), "unreachable", /status 200/],
  ] satisfies [string, () => Response | Promise<Response>, RegistryErrorCode, RegExp][]
) {
  Deno.test(`RestStore gives a code to ${what}, and asks once`, async () => {
    const given = target(answer);
    await refused(given, code, message);
    assert.equal(given.seen.length, 1);
  });
}

Deno.test("RestStore gives a code to what gives the same page for ever", async () => {
  await refused(target(() => Response.json([{ issuer: "billing" }])), "unreachable", /PostgREST/);
});

Deno.test("RestStore gives a code to a registry of another make", async () => {
  const pages = [[{ issuer: "billing" }]];
  await refused(target(() => Response.json(pages.shift() ?? [])), "schema_missing", /is_active/);
});
