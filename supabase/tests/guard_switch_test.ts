import assert from "node:assert/strict";
import {
  connect,
  countersigned,
  MIGRATIONS,
  refusal,
  register,
  RegistryDatabase,
} from "./fixtures/registry_database.ts";

let registry: RegistryDatabase;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start([
    `create table public.widgets (name text primary key);
     grant select, insert on public.widgets to authenticated;
     grant select on public.widgets to anon, service_role;
     create function public.earlier() returns void language plpgsql as $$
     begin
       perform set_config('response.headers', format('[{"X-Earlier": "%s"}]', current_user), true);
     end $$;
     create function public.with_default(x int default 1) returns int language sql return x;
     create function public.with_argument(x int) returns int language sql return x;
     create schema other;
     create function other.ambiguous() returns void language sql as '';
     create function public.ambiguous() returns void language sql as '';
     create function public."Odd.Name"() returns void language sql as ''`,
  ]);
});
Deno.test.afterAll(() => registry.stop());

const SET = "alter role authenticator set pgrst.db_pre_request";
const RESET = "alter role authenticator reset pgrst.db_pre_request";
const IN_DATABASE = "alter role authenticator in database postgres";

async function settings(): Promise<string[]> {
  const rows = await registry.owner<{ setting: string }[]>`
    select case when setdatabase <> 0 then 'in database: ' else '' end || setting as setting
    from pg_db_role_setting, unnest(setconfig) as setting
    where setrole = 'authenticator'::regrole and setting like 'pgrst.%' order by 1`;
  return rows.map(({ setting }) => setting);
}

/** Switches the guard on and off with what the database had before, and cleans up. */
async function switched(
  before: string,
  chain: string | null,
  work: (status: unknown) => Promise<void>,
) {
  const { owner } = registry;
  if (before !== "") await owner.unsafe(before);
  const found = await settings();
  try {
    const [row] = await owner`select countersign.guard_enable(${chain}) as status`;
    await work(row?.status);
    await owner`select countersign.guard_disable()`;
    assert.deepEqual(await settings(), found);
  } finally {
    await owner`select countersign.guard_disable()`;
    await owner.unsafe(`${RESET}; ${IN_DATABASE} reset pgrst.db_pre_request`);
  }
}

const OURS = "pgrst.db_pre_request=countersign.check_request";

Deno.test("guard_enable() sets PostgREST's pre-request function, and guard_disable() takes it away", async () => {
  await switched("", null, async (status) => {
    assert.partialDeepStrictEqual(status, {
      enabled: true,
      pre_request: "countersign.check_request",
      chained: null,
      used_tokens: 0,
    });
    assert.deepEqual(await settings(), [OURS]);
  });
  const [row] = await registry.owner`select countersign.guard_status() as status`;
  assert.deepEqual(row?.status, {
    enabled: false,
    pre_request: null,
    chained: null,
    enabled_at: null,
    used_tokens: 0,
  });
});

const EARLIER:
  readonly (readonly [why: string, before: string, chained: string, after: string[]])[] = [
    ["a function with its schema", `${SET} = 'public.earlier'`, "public.earlier", [OURS]],
    ["a function without its schema", `${SET} = 'earlier'`, "public.earlier", [OURS]],
    ["a function whose argument has a default", `${SET} = 'with_default'`, "public.with_default", [
      OURS,
    ]],
    ["a name with a capital and a dot", `${SET} = 'public.Odd.Name'`, "public.Odd.Name", [OURS]],
    [
      "a setting of this database",
      `${IN_DATABASE} set pgrst.db_pre_request = 'public.earlier'`,
      "public.earlier",
      [`in database: ${OURS}`],
    ],
    [
      "a setting of this database that wins over a general one",
      `${SET} = 'other.ambiguous'; ${IN_DATABASE} set pgrst.db_pre_request = 'public.earlier'`,
      "public.earlier",
      [`in database: ${OURS}`, "pgrst.db_pre_request=other.ambiguous"],
    ],
  ];
for (const [why, before, chained, after] of EARLIER) {
  Deno.test(`guard_enable() chains ${why}, and guard_disable() restores it`, async () => {
    await switched(before, null, async (status) => {
      assert.partialDeepStrictEqual(status, { enabled: true, chained });
      assert.deepEqual(await settings(), after);
      const [again] = await registry.owner`select countersign.guard_enable() as status`;
      assert.deepEqual(again?.status, status);
    });
  });
}

Deno.test("guard_enable() restores an empty setting as empty", async () => {
  await switched(`${IN_DATABASE} set pgrst.db_pre_request = ''`, null, async (status) => {
    assert.partialDeepStrictEqual(status, { enabled: true, chained: null });
    assert.deepEqual(await settings(), [`in database: ${OURS}`]);
  });
});

Deno.test("guard_enable() chains the function it is told of, also later", async () => {
  await switched("", "public.earlier", async (status) => {
    assert.partialDeepStrictEqual(status, { chained: "public.earlier" });
    const [again] = await registry
      .owner`select countersign.guard_enable('public.with_default') as status`;
    assert.partialDeepStrictEqual(again?.status, { chained: "public.with_default" });
    const [kept] = await registry.owner`select countersign.guard_enable() as status`;
    assert.deepEqual(kept?.status, again?.status);
  });
});

Deno.test("guard_enable() keeps what to chain of a guard that was set by hand", async () => {
  await registry.owner.unsafe(`${SET} = 'countersign.check_request'`);
  try {
    const [row] = await registry.owner`select countersign.guard_enable('public.earlier') as status`;
    assert.partialDeepStrictEqual(row?.status, { enabled: true, chained: "public.earlier" });
    await registry.owner`select countersign.guard_disable()`;
    assert.deepEqual(await settings(), []);
  } finally {
    await registry.owner.unsafe(RESET);
  }
});

const REFUSED:
  readonly (readonly [why: string, before: string, chain: string | null, code: string])[] = [
    ["does not exist", `${SET} = 'public.missing'`, null, "42883"],
    ["needs an argument", `${SET} = 'public.with_argument'`, null, "42883"],
    ["is of another case", `${SET} = 'public.Earlier'`, null, "42883"],
    ["is ambiguous", `${SET} = 'ambiguous'`, null, "42725"],
    ["is named as SQL", "", "public.earlier(); drop table widgets; --", "42883"],
    ["is ours", "", "countersign.check_request", "22023"],
    ["is of our schema", "", "countersign.guard_disable", "22023"],
    ["is not the one that is there", `${SET} = 'public.earlier'`, "other.ambiguous", "55006"],
  ];
for (const [why, before, chain, code] of REFUSED) {
  Deno.test(`guard_enable() refuses a function to chain that ${why}, and changes nothing`, async () => {
    if (before !== "") await registry.owner.unsafe(before);
    const found = await settings();
    try {
      await assert.rejects(
        registry.owner`select countersign.guard_enable(${chain})`.execute(),
        refusal(code),
      );
      assert.deepEqual(await settings(), found);
      const [row] = await registry
        .owner`select countersign.guard_status() ->> 'chained' as chained`;
      assert.equal(row?.chained, null);
    } finally {
      await registry.owner.unsafe(RESET);
    }
  });
}

Deno.test("guard_disable() leaves a function alone that someone has put in our place", async () => {
  await registry.owner`select countersign.guard_enable()`;
  await registry.owner.unsafe(`${SET} = 'public.earlier'`);
  try {
    const [row] = await registry.owner`select countersign.guard_disable() as status`;
    assert.partialDeepStrictEqual(row?.status, { enabled: false, pre_request: "public.earlier" });
    assert.deepEqual(await settings(), ["pgrst.db_pre_request=public.earlier"]);
  } finally {
    await registry.owner.unsafe(RESET);
  }
});

Deno.test("guard_enable() and guard_disable() called at once by many end in one of the two states", async () => {
  const pool = connect(registry.target.databaseUrl, { max: 10 });
  try {
    await Promise.all(
      Array.from(
        { length: 20 },
        (_, n) =>
          n % 2 === 0
            ? pool`select countersign.guard_enable()`
            : pool`select countersign.guard_disable()`,
      ),
    );
    const [row] = await registry.owner`select countersign.guard_status() as status`;
    assert.deepEqual(await settings(), row?.status.enabled ? [OURS] : []);
  } finally {
    await pool.end();
    await registry.owner`select countersign.guard_disable()`;
  }
});

Deno.test("migrations that run again leave an enabled guard and what it chains as they are", async () => {
  await switched(`${SET} = 'public.earlier'`, null, async (status) => {
    for (const { sql } of MIGRATIONS) await registry.owner.unsafe(sql);
    const [row] = await registry.owner`select countersign.guard_status() as status`;
    assert.deepEqual(row?.status, status);
  });
});

// Over PostgREST.

/** PostgREST reads its configuration some time after it was notified. */
async function eventually(work: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      return await work();
    } catch (reason) {
      if (Date.now() > deadline) throw reason;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

Deno.test("the guard's answers arrive through PostgREST with status, challenge and body", async () => {
  await switched(`${SET} = 'public.earlier'`, null, async () => {
    const kid = await register(registry.owner, "billing");
    const claims = countersigned("billing", kid);
    const write = (name: string, claims: Readonly<Record<string, unknown>>) =>
      registry.fetch("/widgets", claims, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name }),
      });

    await eventually(async () => {
      const response = await registry.fetch("/widgets", claims);
      await response.body?.cancel();
      // The chained function ran as the request's role and reached PostgREST.
      assert.equal(response.headers.get("x-earlier"), "widgets_writer");
    });
    const passed = await write("one", claims);
    assert.equal(passed.status, 201, await passed.text());

    const refused = async (response: Response, status: number, code: string) => {
      const body = await response.json();
      assert.deepEqual([response.status, body.code], [status, code]);
      assert.deepEqual(Object.keys(body).sort(), ["code", "details", "hint", "message"]);
      assert.equal(
        response.headers.get("www-authenticate"),
        status === 401 ? `Bearer error="invalid_token", error_description="${body.message}"` : null,
      );
      return body;
    };
    const { countersign: _, ...unmarked } = claims;
    await refused(await write("two", unmarked), 401, "token_refused");
    await refused(
      await write("two", { ...claims, role: "gadgets_writer" }),
      403,
      "role_not_allowed",
    );

    await registry.owner`update jwt_public_keys set is_active = false where issuer = 'billing'`;
    const body = await refused(await write("two", claims), 401, "token_refused");
    // What is said is that of the proxy, and nothing of the reason.
    assert.deepEqual(body, {
      code: "token_refused",
      message: "The token is not accepted here",
      details: null,
      hint:
        "Check issuer, key and audience with the operator of this project, whose log has the reason",
    });
    await refused(await registry.fetch("/widgets", claims), 401, "token_refused");

    await registry.owner`update jwt_public_keys set is_active = true where issuer = 'billing'`;
    await registry.owner`update jwt_issuers set single_use = true where issuer = 'billing'`;
    const once = countersigned("billing", kid, { countersign: { jti: "one" } });
    const rolledBack = await write("one", once);
    assert.equal(rolledBack.status, 409, "the row is there already");
    await rolledBack.body?.cancel();
    const first = await write("two", once);
    assert.equal(first.status, 201, await first.text());
    await refused(await write("three", once), 401, "token_already_used");

    const rows = await registry.owner`select name from widgets order by name`;
    assert.deepEqual(rows.map(({ name }) => name), ["one", "two"]);

    for (const role of ["anon", "authenticated", "service_role"]) {
      const response = await registry.fetch("/widgets", { role, sub: crypto.randomUUID() });
      assert.equal(response.headers.get("x-earlier"), role);
      await response.body?.cancel();
    }
  });
});

Deno.test("the guard refuses through PostgREST from a frozen snapshot as well", async () => {
  await registry.owner.unsafe(
    "alter role gadgets_writer set default_transaction_isolation = 'serializable'",
  );
  await switched("", null, async () => {
    const kid = await register(registry.owner, "frozen", { allowed_roles: ["gadgets_writer"] });
    const claims = countersigned("frozen", kid, { role: "gadgets_writer" });
    await registry.owner.unsafe(
      "create function public.isolation() returns text stable language sql as $$ select current_setting('transaction_isolation') $$",
    );
    await registry.target.reloadSchema();
    await registry.owner.unsafe("notify pgrst, 'reload config'");
    await eventually(async () => {
      const response = await registry.fetch("/rpc/isolation", claims);
      assert.equal(await response.json(), "serializable");
    });
    await registry.owner`update jwt_issuers set is_active = false where issuer = 'frozen'`;
    const response = await registry.fetch("/rpc/isolation", claims);
    assert.equal((await response.json()).code, "token_refused");
  });
});
