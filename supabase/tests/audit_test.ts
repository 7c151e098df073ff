import assert from "node:assert/strict";
import {
  connect,
  ed25519Pem,
  refusal,
  register,
  RegistryDatabase,
  undone,
} from "./fixtures/registry_database.ts";

let registry: RegistryDatabase;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start();
});
Deno.test.afterAll(() => registry.stop());

Deno.test("jwt_registry_audit has each change with its row before and after", async () => {
  await registry.undone(async (sql) => {
    const kid = await register(sql, "billing");
    await sql`update jwt_issuers set single_use = true`;
    await sql`update jwt_public_keys set is_active = false`;
    await sql`delete from jwt_issuers`;
    const rows = await sql`
      select operation, table_name, issuer, kid,
        before ->> 'is_active' as was_active, after ->> 'is_active' as active,
        after ->> 'single_use' as single_use, before is null as fresh, after is null as gone
      from jwt_registry_audit order by id`;
    const issuer = { table_name: "jwt_issuers", issuer: "billing", kid: null };
    const key = { table_name: "jwt_public_keys", issuer: "billing", kid };
    const insert = {
      operation: "INSERT",
      was_active: null,
      active: "true",
      fresh: true,
      gone: false,
    };
    const update = { operation: "UPDATE", was_active: "true", fresh: false, gone: false };
    const remove = {
      operation: "DELETE",
      active: null,
      single_use: null,
      fresh: false,
      gone: true,
    };
    assert.deepEqual([...rows], [
      { ...insert, ...issuer, single_use: "false" },
      { ...insert, ...key, single_use: null },
      { ...update, ...issuer, active: "true", single_use: "true" },
      { ...update, ...key, active: "false", single_use: null },
      { ...remove, ...issuer, was_active: "true" },
      { ...remove, ...key, was_active: "false" },
    ]);
  });
});

Deno.test("jwt_registry_audit has the issuer that a key inserted by hand brings along", async () => {
  await registry.undone(async (sql) => {
    const pem = await ed25519Pem("a");
    await sql`insert into jwt_public_keys (issuer, public_key, algorithm) values ('a', ${pem}, 'EdDSA')`;
    assert.deepEqual(
      [...await sql`select table_name from jwt_registry_audit order by id`],
      [{ table_name: "jwt_issuers" }, { table_name: "jwt_public_keys" }],
    );
  });
});

Deno.test("jwt_registry_audit has nothing of a write that changes nothing", async () => {
  await registry.undone(async (sql) => {
    await register(sql, "billing");
    const changes = async (write: string) => {
      const [before] = await sql`select count(*)::int from jwt_registry_audit`;
      await sql.unsafe(write);
      const [after] = await sql`select count(*)::int from jwt_registry_audit`;
      return after?.count - before?.count;
    };
    assert.equal(await changes("update jwt_issuers set is_active = true"), 0);
    assert.equal(await changes("update jwt_public_keys set is_active = false where kid = 'x'"), 0);
    assert.equal(await changes("update jwt_issuers set is_active = false"), 1);
  });
});

Deno.test("jwt_registry_audit says who acted: the role, the login, and the token's claims", async () => {
  const actors = (sql: Parameters<typeof register>[0]) =>
    sql`select distinct actor, session_role, claims from jwt_registry_audit`;
  await registry.undone(async (sql) => {
    await register(sql, "billing");
    assert.deepEqual([...await actors(sql)], [
      { actor: "postgres", session_role: "postgres", claims: null },
    ]);
  });
  const claims = { iss: "supabase", sub: "operator", email: "operator@example.com" };
  await registry.asRequest({ role: "service_role", claims }, async (sql) => {
    await register(sql, "billing");
    assert.deepEqual([...await actors(sql)], [{
      actor: "service_role",
      session_role: "supabase_admin",
      claims: { iss: "supabase", sub: "operator", role: "service_role" },
    }]);
  });
});

Deno.test("jwt_registry_audit names service_role and authenticator for a change over PostgREST", async () => {
  const response = await fetch(`${registry.target.restUrl}/jwt_issuers`, {
    method: "POST",
    headers: { apikey: registry.target.secretKey, "content-type": "application/json" },
    body: JSON.stringify({ issuer: "over-rest" }),
  });
  assert.equal(response.status, 201, await response.text());
  const [row] = await registry.owner`
    select actor, session_role, claims ->> 'role' as role from jwt_registry_audit where issuer = 'over-rest'`;
  assert.deepEqual(row, {
    actor: "service_role",
    session_role: "authenticator",
    role: "service_role",
  });
});

for (
  const [header, reason] of [
    ['"key leaked"', "key leaked"],
    ['"gr\\u00f6\\u00dfer"', "größer"],
    ["no JSON", "no JSON"],
    ['"broken', '"broken'],
    ["x".repeat(600), "x".repeat(500)],
    ["{}", "{}"],
    ["null", null],
  ] as const
) {
  Deno.test(`jwt_registry_audit keeps the reason of a request, and no header stops a change (${header.slice(0, 20)})`, async () => {
    const issuer = `reasoned-${crypto.randomUUID()}`;
    const response = await fetch(`${registry.target.restUrl}/jwt_issuers`, {
      method: "POST",
      headers: {
        apikey: registry.target.secretKey,
        "content-type": "application/json",
        "countersign-reason": header,
      },
      body: JSON.stringify({ issuer }),
    });
    assert.equal(response.status, 201, await response.text());
    const [row] = await registry.owner`
      select reason from jwt_registry_audit where issuer = ${issuer}`;
    assert.deepEqual(row, { reason });
  });
}

const REWRITES = [
  "update jwt_registry_audit set actor = 'nobody'",
  "update jwt_registry_audit set actor = 'nobody' where false",
  "delete from jwt_registry_audit",
  "delete from jwt_registry_audit where false",
  "truncate jwt_registry_audit",
  "truncate jwt_registry_audit restart identity cascade",
  "insert into jwt_registry_audit (id, actor) overriding system value values (1, 'x') on conflict (id) do update set actor = 'nobody'",
];
for (const rewrite of REWRITES) {
  Deno.test(`jwt_registry_audit refuses "${rewrite.slice(0, 60)}" to owner, superuser and service_role`, async () => {
    for (
      const { sql, role } of [
        { sql: registry.owner, role: "postgres" },
        { sql: registry.superuser, role: "supabase_admin" },
        { sql: registry.superuser, role: "service_role" },
      ]
    ) {
      await assert.rejects(
        undone(sql, async (sql) => {
          await register(sql, "billing");
          await sql`select set_config('role', ${role}, true)`;
          await sql.unsafe(rewrite);
        }),
        refusal("42501", role === "service_role" ? /permission denied/ : /append-only/),
      );
    }
  });
}

Deno.test("jwt_registry_audit stays append-only while session_replication_role is replica", async () => {
  await assert.rejects(
    undone(registry.superuser, async (sql) => {
      await sql`set local session_replication_role = replica`;
      await sql`delete from jwt_registry_audit`;
    }),
    refusal("42501", /append-only/),
  );
});

Deno.test("the registry's revision grows while session_replication_role is replica", async () => {
  await undone(registry.superuser, async (sql) => {
    await sql`set local session_replication_role = replica`;
    await sql`insert into jwt_issuers (issuer) values ('restored')`;
    const [row] = await sql`select countersign.revision() > 0 as counted`;
    assert.deepEqual(row, { counted: true });
    // The audit log of a restored database comes with it.
    assert.deepEqual(
      [...await sql`select * from jwt_registry_audit where issuer = 'restored'`],
      [],
    );
  });
});

Deno.test("jwt_registry_audit can be pruned by its owner, on purpose", async () => {
  await registry.undone(async (sql) => {
    await register(sql, "billing");
    await sql`alter table jwt_registry_audit disable trigger append_only`;
    await sql`delete from jwt_registry_audit where at < now() + interval '1 day'`;
    await sql`alter table jwt_registry_audit enable always trigger append_only`;
    assert.deepEqual([...await sql`select * from jwt_registry_audit`], []);
  });
});

Deno.test("TRUNCATE of the registry's tables is refused, because it would not be audited", async () => {
  for (
    const table of [
      "jwt_issuers cascade",
      "jwt_public_keys",
      "jwt_public_keys, jwt_federation_rules, jwt_issuers",
    ]
  ) {
    await assert.rejects(
      registry.undone((sql) => sql.unsafe(`truncate ${table}`)),
      refusal("42501", /no account/),
    );
  }
});

Deno.test("the registry's revision grows with each statement that writes, and is in the audit log", async () => {
  await registry.undone(async (sql) => {
    const revision = async () => {
      const [row] = await sql<
        { revision: string }[]
      >`select countersign.revision() as revision`;
      return Number(row?.revision);
    };
    await register(sql, "billing");
    const before = await revision();
    await sql`update jwt_issuers set is_active = false`;
    assert.equal(await revision(), before + 1);
    const [row] = await sql`select revision from jwt_registry_audit order by id desc limit 1`;
    assert.equal(Number(row?.revision), before + 1);
  });
});

Deno.test("the revision of concurrent writers grows with every commit, and none of them waits", async () => {
  const WRITERS = 8;
  const ROUNDS = 10;
  const pool = connect(registry.target.databaseUrl, { max: WRITERS });
  const revision = async () => {
    const [row] = await registry.owner`select countersign.revision()::int as revision`;
    return row?.revision;
  };
  const held = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const before = await revision();
  try {
    // One that stays open holds nobody up.
    const open = registry.superuser.begin(async (sql) => {
      await sql`insert into jwt_issuers (issuer) values ('open')`;
      held.resolve();
      await release.promise;
    });
    await held.promise;
    const seen = await Promise.all(Array.from({ length: WRITERS }, async (_, writer) => {
      const own = [];
      for (let round = 0; round < ROUNDS; round++) {
        await pool.begin((sql) =>
          sql`insert into jwt_issuers (issuer) values (${`writer-${writer}-${round}`})`
        );
        own.push(await revision());
      }
      return own;
    }));
    for (const own of seen) assert(own.every((at, n) => n === 0 || at > own[n - 1]), String(own));
    assert.equal(await revision(), before + WRITERS * ROUNDS);
    release.resolve();
    await open;
    assert.equal(await revision(), before + WRITERS * ROUNDS + 1);
    const [lanes] = await registry.owner`select count(*)::int from countersign.revisions`;
    assert(lanes?.count <= WRITERS + 2, `${lanes?.count} rows`);
  } finally {
    release.resolve();
    await pool.end();
  }
});

Deno.test("NOTIFY countersign_registry carries the issuer whose row or key changed", async () => {
  const listener = connect(registry.target.databaseUrl);
  const heard: string[] = [];
  const done = Promise.withResolvers<void>();
  try {
    await listener.listen("countersign_registry", (payload) => {
      if (payload === "end") done.resolve();
      else heard.push(payload);
    });
    await registry.owner.begin(async (sql) => {
      await register(sql, "heard-1");
      await register(sql, "heard-2");
    });
    await registry.owner`update jwt_public_keys set is_active = false where issuer = 'heard-2'`;
    await registry.owner`update jwt_public_keys set is_active = false where issuer = 'heard-2'`;
    await registry.undone((sql) => register(sql, "rolled-back"));
    await registry.owner`select pg_notify('countersign_registry', 'end')`;
    await done.promise;
    assert.deepEqual(heard, ["heard-1", "heard-2", "heard-2"]);
  } finally {
    await listener.end();
  }
});
