import assert from "node:assert/strict";
import postgres from "postgres";
import {
  becomeRequest,
  countersigned,
  ed25519Pem,
  register,
  RegistryDatabase,
  undone,
} from "./fixtures/registry_database.ts";
import type { Claims } from "./fixtures/seal.ts";

let registry: RegistryDatabase;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start();
});
Deno.test.afterAll(() => registry.stop());

interface Verdict {
  readonly code: string;
  readonly status: number;
  /** For the server's log. */
  readonly reason: string | undefined;
}

const PASSED = "passed";

/** What the guard says to a request with these claims. */
async function guarded(
  sql: postgres.TransactionSql,
  claims: Readonly<Record<string, unknown>>,
  { role = "widgets_writer", readOnly = false } = {},
): Promise<Verdict | typeof PASSED> {
  try {
    await sql.savepoint(async (sql) => {
      await becomeRequest(sql, { role, claims });
      if (readOnly) await sql`set transaction read only`;
      await sql`select countersign.check_request()`;
    });
    return PASSED;
  } catch (reason) {
    if (!(reason instanceof postgres.PostgresError) || reason.code !== "PGRST") throw reason;
    const { code, ...body } = JSON.parse(reason.message);
    const { status, headers } = JSON.parse(reason.detail ?? "");
    assert.deepEqual(Object.keys(body), ["message", "details", "hint"]);
    assert.equal(typeof headers, "object");
    return { code, status, reason: reason.hint };
  }
}

const asSuperuser = <T>(work: (sql: postgres.TransactionSql) => Promise<T>) =>
  undone(registry.superuser, work);

const seconds = (offset: number) => Math.floor(Date.now() / 1000) + offset;

/** [why, SQL that makes it so, the claims' difference, what is said] */
type Hostile = readonly [
  why: string,
  change: string,
  claims: Claims | ((kid: string) => Claims),
  code: string,
  reason: RegExp,
];
const mark = (kid: string, members: Claims = {}) => ({
  countersign: { kid, iat: seconds(0), ...members },
});
const CUT_OFF = seconds(0);
const HOSTILE: readonly Hostile[] = [
  ["a revoked key", "update jwt_public_keys set is_active = false", {}, "token_refused", /revoked/],
  [
    "an issuer that is not active",
    "update jwt_issuers set is_active = false",
    {},
    "token_refused",
    /not active/,
  ],
  ["a deleted key", "delete from jwt_public_keys", {}, "token_refused", /not registered/],
  ["a deleted issuer", "delete from jwt_issuers", {}, "token_refused", /not registered/],
  [
    "a key that is not valid yet",
    "update jwt_public_keys set not_before = now() + interval '20 seconds'",
    {},
    "token_refused",
    /not current/,
  ],
  [
    "a key that has expired",
    "update jwt_public_keys set not_after = now() - interval '7 seconds'",
    {},
    "token_refused",
    /not current/,
  ],
  [
    "a token from before the cut-off",
    "update jwt_issuers set reject_issued_before = now()",
    (kid) => mark(kid, { iat: seconds(-60) }),
    "token_refused",
    /cut-off/,
  ],
  [
    "a token from the second of the cut-off",
    `update jwt_issuers set reject_issued_before = to_timestamp(${CUT_OFF}.5)`,
    (kid) => mark(kid, { iat: CUT_OFF }),
    "token_refused",
    /cut-off/,
  ],
  ["a key of no issuer", "", mark("x".repeat(43)), "token_refused", /not reg/],
  ["another issuer's name", "", { iss: "shipping" }, "token_refused", /not registered for the iss/],
  ["a name that is not registered", "", { iss: "nobody" }, "token_refused", /not registered/],
  ["a name in other case", "", { iss: "Billing" }, "token_refused", /not registered/],
  ["an array of names", "", { iss: ["billing"] }, "token_refused", /not the proxy's/],
  ["no name", "", { iss: undefined }, "token_refused", /not the proxy's/],
  [
    "no iat",
    "",
    (kid) => mark(kid, { iat: undefined }),
    "token_refused",
    /not the proxy's/,
  ],
  [
    "an iat in a string",
    "",
    (kid) => mark(kid, { iat: `${seconds(0)}` }),
    "token_refused",
    /not the proxy's/,
  ],
  ["no mark", "", { countersign: undefined }, "token_refused", /not countersigned/],
  ["a mark that is null", "", { countersign: null }, "token_refused", /not the proxy's/],
  ["a mark that is true", "", { countersign: true }, "token_refused", /not the proxy's/],
  ["a mark that is a string", "", { countersign: "kid" }, "token_refused", /not the proxy's/],
  ["a mark without a kid", "", { countersign: {} }, "token_refused", /not the proxy's/],
  ["a mark in an array", "", { countersign: [{ kid: "x" }] }, "token_refused", /not the proxy's/],
  [
    "a role that the policy lost",
    "update jwt_issuers set allowed_roles = '{gadgets_writer}'",
    {},
    "role_not_allowed",
    /not allowed the role/,
  ],
  ["a role that it never had", "", { role: "gadgets_writer" }, "role_not_allowed", /role/],
  ["no role", "", { role: undefined }, "role_not_allowed", /role/],
];
for (const [why, change, claims, code, reason] of HOSTILE) {
  Deno.test(`check_request() refuses a countersigned token with ${why}`, async () => {
    await asSuperuser(async (sql) => {
      const kid = await register(sql, "billing");
      await register(sql, "shipping");
      const twin = countersigned("billing", kid);
      assert.equal(await guarded(sql, twin), PASSED);
      // The superuser's connection: back from the role that the twin became.
      await sql`select set_config('role', 'none', true)`;
      if (change !== "") await sql.unsafe(`${change} where issuer = 'billing'`);
      for (const readOnly of [false, true]) {
        const difference = typeof claims === "function" ? claims(kid) : claims;
        const verdict = await guarded(sql, { ...twin, ...difference }, { readOnly });
        assert(verdict !== PASSED);
        assert.equal(verdict.code, code);
        assert.equal(verdict.status, code === "role_not_allowed" ? 403 : 401);
        assert.match(verdict.reason ?? "", reason);
      }
    });
  });
}

const HARMLESS: readonly (readonly [why: string, change: string, claims: Claims])[] = [
  [
    "another key was revoked",
    "update jwt_public_keys set is_active = false where issuer = 'shipping'",
    {},
  ],
  [
    "another issuer was deactivated",
    "update jwt_issuers set is_active = false where issuer <> 'billing'",
    {},
  ],
  [
    "its key begins within the tolerance",
    "update jwt_public_keys set not_before = now() + interval '3 seconds'",
    {},
  ],
  [
    "its key ended within the tolerance",
    "update jwt_public_keys set not_after = now() - interval '1 second'",
    {},
  ],
  [
    "it was issued after the cut-off",
    `update jwt_issuers set reject_issued_before = to_timestamp(${seconds(0)}.5)`,
    { countersign: { iat: seconds(1) } },
  ],
  [
    "the policy gained a role",
    "update jwt_issuers set allowed_roles = '{widgets_writer,anon}'",
    {},
  ],
  ["it carries claims of its own", "", { depot: { countersign: false }, aud: ["x"] }],
];
for (const [why, change, claims] of HARMLESS) {
  Deno.test(`check_request() lets a countersigned token through when ${why}`, async () => {
    await asSuperuser(async (sql) => {
      const kid = await register(sql, "billing");
      await register(sql, "shipping");
      if (change !== "") await sql.unsafe(change);
      assert.equal(await guarded(sql, countersigned("billing", kid, claims)), PASSED);
    });
  });
}

Deno.test("check_request() refuses a request that runs as another role than its token's", async () => {
  await asSuperuser(async (sql) => {
    const kid = await register(sql, "billing");
    const claims = countersigned("billing", kid, { app_role: "service_role" });
    assert.equal(await guarded(sql, claims), PASSED);
    for (const role of ["service_role", "authenticated", "anon", "gadgets_writer"]) {
      const verdict = await guarded(sql, claims, { role });
      assert(verdict !== PASSED, role);
      assert.deepEqual([verdict.code, verdict.status], ["role_not_allowed", 403]);
      assert.match(verdict.reason ?? "", /jwt-role-claim-key/);
    }
  });
});

Deno.test("check_request() knows a key that was added, and each of several by itself", async () => {
  await asSuperuser(async (sql) => {
    const first = await register(sql, "billing");
    const [second] = await sql<{ kid: string }[]>`
      insert into jwt_public_keys (issuer, public_key, algorithm)
      values ('billing', ${await ed25519Pem("second")}, 'EdDSA') returning kid`;
    assert(second !== undefined);
    await sql`update jwt_public_keys set is_active = false where kid = ${first}`;
    assert.equal(await guarded(sql, countersigned("billing", second.kid)), PASSED);
    assert.notEqual(await guarded(sql, countersigned("billing", first)), PASSED);
  });
});

const UNTOUCHED: Record<string, Readonly<Record<string, unknown>>> = {
  "the anonymous role": {},
  "a user of GoTrue": {
    iss: "https://ref.supabase.co/auth/v1",
    sub: "4b2f1c1e-0a57-4a9b-8e44-0b5a6f7c8d9e",
    aud: "authenticated",
    app_metadata: { countersign: true },
  },
  "the legacy service_role key": { iss: "supabase", ref: "ref", iat: 1, exp: 2_000_000_000 },
  "another trusted issuer": { iss: "https://accounts.example.com", sub: "1" },
  "a token whose iss is no string": { iss: ["billing"] },
};
for (const [who, claims] of Object.entries(UNTOUCHED)) {
  Deno.test(`check_request() leaves a request of ${who} alone`, async () => {
    await asSuperuser(async (sql) => {
      await register(sql, "billing", { is_active: false });
      for (const role of ["anon", "authenticated", "service_role"]) {
        assert.equal(await guarded(sql, claims, { role }), PASSED);
      }
    });
  });
}

Deno.test("check_request() leaves a request without any claims alone", async () => {
  await registry.undone((sql) => sql`select countersign.check_request()`);
  await registry.undone(async (sql) => {
    await sql`select set_config('request.jwt.claims', '', true)`;
    await sql`select countersign.check_request()`;
  });
});

// single_use

const use = (kid: string, jti: unknown, iat = seconds(0)) =>
  countersigned("billing", kid, { countersign: { iat, jti } });

Deno.test("check_request() lets a single-use token write once, and read as often as it likes", async () => {
  await asSuperuser(async (sql) => {
    const kid = await register(sql, "billing", { single_use: true });
    const reads = () => guarded(sql, use(kid, "one"), { readOnly: true });
    assert.equal(await guarded(sql, use(kid, "one")), PASSED);
    const { reason: _, ...again } = await guarded(sql, use(kid, "one")) as Verdict;
    assert.deepEqual(again, { code: "token_already_used", status: 401 });
    assert.equal(await guarded(sql, use(kid, "two")), PASSED);
    assert.equal(await guarded(sql, use(kid, "ONE")), PASSED);
    assert.equal(await reads().then(() => reads()), PASSED);
  });
});

Deno.test("check_request() does not count a use whose transaction is rolled back", async () => {
  await asSuperuser(async (sql) => {
    const kid = await register(sql, "billing", { single_use: true });
    await assert.rejects(
      sql.savepoint(async (sql) => {
        await becomeRequest(sql, { role: "widgets_writer", claims: use(kid, "one") });
        await sql`select countersign.check_request()`;
        await sql`select 1/0`;
      }),
      /division by zero/,
    );
    assert.equal(await guarded(sql, use(kid, "one")), PASSED);
  });
});

Deno.test("check_request() keeps the ids of different issuers apart", async () => {
  await asSuperuser(async (sql) => {
    const billing = await register(sql, "billing", { single_use: true });
    const shipping = await register(sql, "shipping", { single_use: true });
    assert.equal(await guarded(sql, use(billing, "one")), PASSED);
    assert.equal(await guarded(sql, { ...use(shipping, "one"), iss: "shipping" }), PASSED);
  });
});

for (const jti of [undefined, null, "", "x".repeat(256)]) {
  Deno.test(`check_request() refuses a single-use token with the id ${JSON.stringify(jti)?.slice(0, 9)}`, async () => {
    await asSuperuser(async (sql) => {
      const kid = await register(sql, "billing", { single_use: true });
      const verdict = await guarded(sql, use(kid, jti));
      assert(verdict !== PASSED);
      assert.equal(verdict.code, "token_refused");
      assert.equal(await guarded(sql, use(kid, "x".repeat(255))), PASSED);
    });
  });
}

Deno.test("check_request() ignores ids of issuers whose tokens may be used again", async () => {
  await asSuperuser(async (sql) => {
    const kid = await register(sql, "billing");
    assert.equal(await guarded(sql, use(kid, "one")), PASSED);
    assert.equal(await guarded(sql, use(kid, "one")), PASSED);
    await sql`select set_config('role', 'none', true)`;
    assert.deepEqual([...await sql`select * from countersign.used_tokens`], []);
  });
});

Deno.test("used_tokens keeps an id for longer than its token can verify, and then forgets it", async () => {
  await asSuperuser(async (sql) => {
    const kid = await register(sql, "billing", { single_use: true, max_token_lifetime: "1 hour" });
    const iat = seconds(-10);
    await guarded(sql, use(kid, "one", iat));
    await sql`select set_config('role', 'none', true)`;
    const [row] =
      await sql`select extract(epoch from expires_at)::int as until from countersign.used_tokens`;
    // One that was exchanged for it, before the issuer became single_use, lives up to 15 minutes more.
    const exchanged = { ...use(kid, "exchanged", iat), iat: seconds(-5) };
    assert.equal(await guarded(sql, exchanged), PASSED);
    const again = await guarded(sql, exchanged);
    assert.equal(again === PASSED ? again : again.code, "token_already_used");
    await sql`select set_config('role', 'none', true)`;
    const [longer] = await sql`
      select extract(epoch from expires_at)::int as until from countersign.used_tokens where jti = 'exchanged'`;
    assert.equal(longer?.until, iat + 3600 + 900 + 300);

    // Beyond iat + lifetime: PostgREST's tolerance of 30 s and any that the verifier is likely to be given.
    assert.equal(row?.until, iat + 3600 + 300);

    await sql`insert into countersign.used_tokens
      select 'billing', 'old-' || n, now() - interval '1 second' from generate_series(1, 10) n`;
    const left: number[] = [];
    for (const jti of ["a", "b", "c", "d"]) {
      await guarded(sql, use(kid, jti));
      await sql`select set_config('role', 'none', true)`;
      const [row] =
        await sql`select count(*)::int from countersign.used_tokens where jti like 'old-%'`;
      left.push(row?.count);
    }
    assert.deepEqual(left, [6, 2, 0, 0]);
    const [live] = await sql`select count(*)::int from countersign.used_tokens`;
    assert.equal(live?.count, 6);
  });
});
