import assert from "node:assert/strict";
import type postgres from "postgres";
import {
  becomeRequest,
  connect,
  countersigned,
  refusal,
  register,
  RegistryDatabase,
  undone,
} from "./fixtures/registry_database.ts";
import { type Claims, readSealKey, sealed, sealOf } from "./fixtures/seal.ts";

let registry: RegistryDatabase;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start();
});
Deno.test.afterAll(() => registry.stop());

/** What the guard, and is_live(), make of a token whose claims are this text. */
async function judged(sql: postgres.TransactionSql, text: string) {
  await sql`select set_config('request.jwt.claims', ${text}, true)`;
  const guard = await sql.savepoint(async (sql) => {
    // What PostgREST makes of the token's role, and then the superuser again.
    await sql`select set_config('role', ${JSON.parse(text).role}, true)`;
    await sql`select countersign.check_request()`;
    await sql`reset role`;
  }).then(() => "passed", ({ hint }) => hint);
  const [row] = await sql`select countersign.is_live() as live`;
  return { guard, live: row?.live };
}
const PASSED = { guard: "passed", live: true };
const UNSEALED = { guard: 'Token has a claim "countersign" without a valid seal', live: false };

const asSuperuser = <T>(work: (sql: postgres.TransactionSql) => Promise<T>) =>
  undone(registry.superuser, work);

type Mark = { kid: string; iat: number; jti: string; seal: string };

/** Changes of a sealed token that somebody else's key could sign. */
const CHANGES: Record<string, (claims: Record<string, unknown>, mark: Mark) => unknown> = {
  "another issuer": (claims) => claims.iss = "shipping",
  "another role": (claims) => claims.role = "gadgets_writer",
  "another subject": (claims) => claims.sub = "worker-2",
  "no subject": (claims) => delete claims.sub,
  "a later end": (claims) => claims.exp = 4_000_000_001,
  "a claim more": (claims) => claims.app_metadata = {},
  "a claim that is null": (claims) => claims.email = null,
  "a claim less": (claims) => delete claims.depot,
  "a claim in a string": (claims) => claims.depot = "42",
  "a claim in an array": (claims) => claims.depot = [42],
  "another order in an array": (claims) => claims.aud = ["b", "a"],
  "another member in an object": (claims) => claims.place = { x: 1, y: 3 },
  "another key": (_, mark) => mark.kid = "x".repeat(43),
  "another id": (_, mark) => mark.jti = "two",
  "another time": (_, mark) => mark.iat += 1,
  "a member more in the mark": (_, mark) => Object.assign(mark, { rule: "any" }),
};
for (const [what, change] of Object.entries(CHANGES)) {
  Deno.test(`check_request() and is_live() refuse a sealed token with ${what}`, async () => {
    await asSuperuser(async (sql) => {
      const kid = await register(sql, "billing", {
        allowed_roles: ["widgets_writer", "gadgets_writer"],
      });
      await register(sql, "shipping");
      const token = sealed(countersigned("billing", kid, {
        exp: 4_000_000_000,
        depot: 42,
        aud: ["a", "b"],
        place: { x: 1, y: 2 },
        countersign: { jti: "one" },
      }));
      assert.deepEqual(await judged(sql, JSON.stringify(token)), PASSED);
      // The same claims in another order, with white space, are the same claims.
      const reordered = Object.fromEntries(Object.entries(token).reverse());
      assert.deepEqual(await judged(sql, JSON.stringify(reordered, null, 2)), PASSED);
      const forged = structuredClone(token) as Record<string, unknown>;
      change(forged, forged.countersign as Mark);
      assert.deepEqual(await judged(sql, JSON.stringify(forged)), UNSEALED);
    });
  });
}

/** Seals that prove nothing; `good` is the right one. */
const SEALS: Record<string, (good: string) => unknown> = {
  "that is null": () => null,
  "that is empty": () => "",
  "that is a number": () => 7,
  "in an array": (good) => [good],
  "of the right length and random": (good) => `${good.split(".")[0]}.${"A".repeat(43)}`,
  "without its key": (good) => good.split(".")[1],
  "of a key that does not exist": (good) => `000000000000.${good.split(".")[1]}`,
  "with a character more": (good) => `${good}A`,
  "with a character less": (good) => good.slice(0, -1),
  "with padding": (good) => `${good}=`,
  "with a line feed": (good) => `${good}\n`,
  "of a third part": (good) => `${good}.x`,
  "with its key in capitals": (good) => good.toUpperCase(),
  "of another token": (good) => sealOf(`${good}{}`, { id: good.slice(0, 12), secret: "AAAA" }),
};
for (const [what, seal] of Object.entries(SEALS)) {
  Deno.test(`check_request() and is_live() refuse a seal ${what}`, async () => {
    await asSuperuser(async (sql) => {
      const token = sealed(countersigned("billing", await register(sql, "billing")));
      const mark = token.countersign as Mark;
      assert.deepEqual(await judged(sql, JSON.stringify(token)), PASSED);
      const forged = { ...token, countersign: { ...mark, seal: seal(mark.seal) } };
      const verdict = await judged(sql, JSON.stringify(forged));
      assert.deepEqual(verdict, UNSEALED);
    });
  });
}

// [what was sealed, as PostgREST spells it, as somebody else might]
const NUMBERS: readonly (readonly [string, string, string])[] = [
  ["0.05", "5.0e-2", "5.1e-2"],
  ["1.5", "1.50", "1.51"],
  ["1", "1.0", "1.1"],
  ["1000000000000000000000", "1.0e21", "1.1e21"],
  ["-0.000001", "-1.0e-6", "1.0e-6"],
  ["[0.5, 100.25]", "[5.0e-1,100.25]", "[100.25,5.0e-1]"],
  ['{"a": 0.1, "b": "0.10"}', '{"b":"0.10","a":1.0e-1}', '{"b":"0.1","a":1.0e-1}'],
  ['["1.0", 0.25, "\\"2.50"]', '["1.0",2.5e-1,"\\"2.50"]', '["1",2.5e-1,"\\"2.50"]'],
  ['["\\\\", 0.25, "3.0"]', '["\\\\",0.250,"3.0"]', '["\\\\",0.250,"3"]'],
];
for (const [original, spelled, forged] of NUMBERS) {
  Deno.test(`check_request() takes ${spelled} for the ${original} that was sealed, and not ${forged}`, async () => {
    await asSuperuser(async (sql) => {
      const kid = await register(sql, "billing");
      const key = await readSealKey(sql);
      const text = (value: string, seal?: string) =>
        `{"n": ${value}, "iss": "billing", "role": "widgets_writer", "countersign": {"iat": 1795743076, "kid": "${kid}"${
          seal === undefined ? "" : `, "seal": "${seal}"`
        }}}`;
      const [canonical] = await sql`select ${text(original)}::text::jsonb::text as text`;
      const seal = sealOf(canonical?.text, key);
      assert.deepEqual(await judged(sql, text(original, seal)), PASSED);
      assert.deepEqual(await judged(sql, text(spelled, seal)), PASSED);
      assert.deepEqual(await judged(sql, text(forged, seal)), UNSEALED);
    });
  });
}

Deno.test("trim_fractions() prints what trim_scale() would, and leaves strings alone", async () => {
  await registry.undone(async (sql) => {
    const [row] = await sql`
      select count(*)::int as wrong from (
        select (n::numeric * 10.0 ^ -scale) as value from generate_series(-300, 300, 7) n, generate_series(0, 6) scale
      ) v
      where countersign.trim_fractions(jsonb_build_object('1.0', value, 'x', jsonb_build_array('2.50', value))::text)
        <> jsonb_build_object('1.0', trim_scale(value), 'x', jsonb_build_array('2.50', trim_scale(value)))::text`;
    assert.deepEqual(row, { wrong: 0 });
  });
});

const MALFORMED = [
  "",
  "null",
  "7",
  "[]",
  "{",
  '"x"',
  "{}",
  '{"countersign": null}',
  '{"countersign": {}}',
  '{"iss": ["billing"], "countersign": {"kid": "x", "iat": "now"}}',
  '{"iss": "billing", "countersign": {"kid": "KID", "iat": "now"}}',
  '{"iss": "billing", "countersign": {"kid": "KID", "iat": 1e400}}',
  '{"iss": "billing", "countersign": {"kid": ""}}',
];
for (const text of MALFORMED) {
  Deno.test(`is_live() is false, and does not raise, for the claims ${text}`, async () => {
    await asSuperuser(async (sql) => {
      const kid = await register(sql, "billing");
      await sql`select set_config('request.jwt.claims', ${text.replace("KID", kid)}, true)`;
      for (const role of ["anon", "widgets_writer"]) {
        await sql`select set_config('role', ${role}, true)`;
        assert.deepEqual([...await sql`select countersign.is_live()`], [{ is_live: false }]);
      }
    });
  });
}

const DEATHS: Record<string, string> = {
  "its issuer is not active": "update jwt_issuers set is_active = false",
  "its key is revoked": "update jwt_public_keys set is_active = false",
  "its key is retired": "update jwt_public_keys set not_after = now() - interval '7 seconds'",
  "its key has not begun": "update jwt_public_keys set not_before = now() + interval '7 seconds'",
  "its role was taken away":
    "update jwt_issuers set allowed_roles = '{gadgets_writer}', default_role = null",
  "there was a cut-off": "update jwt_issuers set reject_issued_before = now() + interval '1 hour'",
  "its key is gone": "delete from jwt_public_keys",
  "its issuer is gone": "delete from jwt_issuers",
};
for (const [why, change] of Object.entries(DEATHS)) {
  Deno.test(`is_live() is false once ${why}, also in a read-only transaction`, async () => {
    await asSuperuser(async (sql) => {
      const kid = await register(sql, "billing");
      await register(sql, "shipping");
      const text = JSON.stringify(sealed(countersigned("billing", kid)));
      await sql.unsafe(`${change} where issuer = 'shipping'`);
      assert.equal((await judged(sql, text)).live, true);
      await sql.unsafe(`${change} where issuer = 'billing'`);
      await sql`set transaction read only`;
      assert.equal((await judged(sql, text)).live, false);
    });
  });
}

Deno.test("rotate_seal() makes a new key seal, and accepts the old one for the overlap", async () => {
  await asSuperuser(async (sql) => {
    const kid = await register(sql, "billing");
    const version = async () => (await sql`select version from jwt_registry_version`)[0]?.version;
    const [old, before] = [await readSealKey(sql), await version()];
    const claims = countersigned("billing", kid);
    const token = (key: typeof old) => JSON.stringify(sealed(claims, key));
    assert.deepEqual(await judged(sql, token(old)), PASSED);

    const [{ id } = { id: "" }] = await sql`select countersign.rotate_seal('10 minutes') as id`;
    const fresh = await readSealKey(sql);
    assert.equal(fresh.id, id);
    assert.notEqual(fresh.secret, old.secret);
    assert.notEqual(await version(), before);
    assert.deepEqual(await judged(sql, token(old)), PASSED);
    assert.deepEqual(await judged(sql, token(fresh)), PASSED);
    // A shorter overlap ends it sooner, a longer one never later.
    await sql`select countersign.rotate_seal('5 seconds')`;
    await sql`select countersign.rotate_seal('1 hour')`;
    const ends = await sql`
      select id, accepted_until < clock_timestamp() + interval '1 minute' as soon
      from jwt_seal_keys where accepted_until is not null order by created_at`;
    assert.deepEqual(ends.map(({ soon }) => soon), [true, true, false]);

    await sql`select countersign.rotate_seal('0')`;
    for (const key of [old, fresh]) assert.deepEqual(await judged(sql, token(key)), UNSEALED);
    const last = await readSealKey(sql);
    assert.deepEqual(await judged(sql, token(last)), PASSED);
    assert.deepEqual((await sql`select id from jwt_seal_keys`).map(({ id }) => id), [last.id]);
  });
  await readSealKey(registry.owner);
});

for (const overlap of ["-1 second", "31 days", "1 month -31 days", "1 year -360 days"]) {
  Deno.test(`rotate_seal() refuses an overlap of ${overlap}`, async () => {
    await assert.rejects(
      registry.undone((sql) => sql`select countersign.rotate_seal(${overlap}::interval)`),
      refusal("22023", /at most 30 days/),
    );
  });
}

Deno.test("each database makes a key of its own, and applying the migrations again keeps it", async () => {
  const rows = await registry
    .owner`select octet_length(secret) as bytes, accepted_until from countersign.seal_keys`;
  assert.deepEqual([...rows], [{ bytes: 32, accepted_until: null }]);
});

Deno.test("what must not be read checks its reader itself, whatever was granted", async () => {
  await asSuperuser(async (sql) => {
    await sql.unsafe(`
      grant all on all tables in schema public to anon, authenticated;
      grant execute on all functions in schema public to anon, authenticated;
      grant execute on all functions in schema countersign to anon, authenticated`);
    const kid = await register(sql, "billing");
    for (const role of ["anon", "authenticated", "widgets_writer"]) {
      await becomeRequest(sql, { role, claims: countersigned("billing", kid) });
      for (
        const view of [
          "jwt_issuer_policies",
          "jwt_seal_keys",
          "jwt_registry_version",
          "jwt_registry_holders",
        ]
      ) {
        for (const what of ["*", "count(*)"]) {
          await assert.rejects(
            sql.savepoint((sql) => sql.unsafe(`select ${what} from public.${view}`)),
            refusal("42501", /may not read the registry/),
            view,
          );
        }
      }
      for (const table of ["jwt_issuers", "jwt_public_keys", "jwt_registry_audit"]) {
        assert.deepEqual([...await sql.unsafe(`select * from public.${table}`)], []);
      }
      await assert.rejects(
        sql.savepoint((sql) => sql`select public.jwt_rotate_key('billing', 'x', 'RS256')`),
      );
      await sql`select set_config('role', 'none', true)`;
    }
    for (const role of ["service_role", "countersign_reader"]) {
      await sql`select set_config('role', ${role}, true)`;
      assert.equal((await sql`select * from public.jwt_seal_keys`).length, 1);
      assert.equal((await sql`select * from public.jwt_issuer_policies`).length, 1);
      await sql`select set_config('role', 'none', true)`;
    }
  });
});

Deno.test("a login that reads the seal's keys can't act as a request, nor hear why one was refused", async () => {
  const { owner, target } = registry;
  const kid = await register(owner, "once", { single_use: true });
  await owner.unsafe("create role spy login password 'spy'; grant countersign_reader to spy");
  await owner.unsafe("create role guest login password 'guest'; grant widgets_writer to guest");
  const login = (name: string) =>
    connect(Object.assign(new URL(target.databaseUrl), { username: name, password: name }).href);
  const [spy, guest] = [login("spy"), login("guest")];
  const call = (sql: postgres.Sql, claims: Claims) =>
    sql.begin(async (sql) => {
      await sql`select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true)`;
      await sql`select countersign.check_request()`;
    });
  try {
    const claims = sealed(countersigned("once", kid, { countersign: { jti: "burnt" } }));
    await assert.rejects(call(spy, claims), refusal("42501", /may not act as a request/));
    assert.deepEqual([...await owner`select * from countersign.used_tokens`], []);
    await assert.rejects(
      call(guest, { ...claims, sub: "x" }),
      (reason: postgres.PostgresError) => {
        assert.equal(JSON.parse(reason.message).code, "token_refused");
        assert.doesNotMatch(`${reason.hint} ${reason.detail}`, /seal|once/);
        return true;
      },
    );
  } finally {
    await spy.end();
    await guest.end();
    await owner`delete from jwt_issuers where issuer = 'once'`;
    await owner.unsafe("drop role spy; drop role guest");
  }
});
