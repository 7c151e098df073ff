import assert from "node:assert/strict";
import postgres from "postgres";
import { becomeRequest, connect, RegistryDatabase } from "../fixtures/registry_database.ts";
import { addProvider, addRule, federated, THUMBPRINT } from "../fixtures/federation.ts";

const WRITERS = 4;
/** In each of the races. COUNTERSIGN_RACE_ROUNDS=1000 is what a release is held to. */
const ROUNDS = Number(Deno.env.get("COUNTERSIGN_RACE_ROUNDS") ?? 100);

let registry: RegistryDatabase;
/** Connections as PostgREST has them. */
let pool: postgres.Sql;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start([
    "create table public.ledger (rule text not null)",
    "grant insert on public.ledger to authenticated",
  ]);
  pool = connect(registry.target.superuserUrl, { max: WRITERS });
});
Deno.test.afterAll(async () => {
  await pool.end();
  await registry.stop();
});

/**
 * Writers write under one rule, each in a transaction as PostgREST makes it, until they are refused; meanwhile
 * another connection revokes. Counts rows that committed after the revocation, and refusals before it.
 */
async function race(revoke: string) {
  const id = crypto.randomUUID();
  const issuer = `deployer-${id}`;
  const provider = `https://${id}.example.com`;
  const rule = `rule-${id}`;
  await registry.owner.begin(async (sql) => {
    await sql`insert into jwt_issuers (issuer, allowed_roles) values (${issuer}, '{widgets_writer}')`;
    await addProvider(sql, provider);
    await addRule(sql, { name: rule, provider, issuer });
  });
  const claims = federated({ rule }, { iss: issuer });
  let revoking = false;
  let refusedEarly = 0;
  let writes = 0;
  const started = Promise.withResolvers<void>();
  const writers = Array.from({ length: WRITERS }, async () => {
    for (;;) {
      try {
        await pool.begin(async (sql) => {
          await becomeRequest(sql, { role: "widgets_writer", claims });
          await sql`select countersign.check_request()`;
          // Between the check and the commit is where a revocation could slip in.
          await sql`select pg_catalog.pg_sleep(random() * 0.004)`;
          await sql`insert into public.ledger values (${rule})`;
        });
        if (++writes === WRITERS) started.resolve();
      } catch (reason) {
        assert(reason instanceof postgres.PostgresError && reason.code === "PGRST", String(reason));
        assert.equal(JSON.parse(reason.message).code, "token_refused");
        if (!revoking) refusedEarly++;
        return;
      }
    }
  });
  await Promise.race([started.promise, Promise.all(writers)]);
  revoking = true;
  const atRevocation = await registry.owner.begin(async (sql) => {
    await sql.unsafe(revoke, [revoke.includes("name = $1") ? rule : provider]);
    // The last thing before the commit: all that was committed until then.
    const [row] = await sql`select count(*)::int from ledger where rule = ${rule}`;
    return row?.count;
  });
  await Promise.all(writers);
  const [row] = await registry.owner`select count(*)::int from ledger where rule = ${rule}`;
  return { committedLate: row?.count - atRevocation, refusedEarly, writes };
}

const REVOCATIONS: Record<string, string> = {
  "deactivating the rule": "update jwt_federation_rules set is_active = false where name = $1",
  "deactivating the provider": "update jwt_oidc_providers set is_active = false where issuer = $1",
  "revoking the provider's key":
    `insert into jwt_revoked_provider_keys (provider, kid) values ($1, '${THUMBPRINT}')`,
};
for (const [how, revoke] of Object.entries(REVOCATIONS)) {
  Deno.test(`check_request() lets no federated write commit after ${how}, and refuses none before`, async () => {
    const total = { committedLate: 0, refusedEarly: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const { committedLate, refusedEarly, writes } = await race(revoke);
      assert(writes >= WRITERS);
      total.committedLate += committedLate;
      total.refusedEarly += refusedEarly;
    }
    assert.deepEqual(total, { committedLate: 0, refusedEarly: 0 });
  });
}

/** Waits until a session waits for another's row. */
async function untilWaiting() {
  const deadline = Date.now() + 3000;
  for (;;) {
    const [row] = await registry.superuser`
      select count(*)::int as waiting from pg_stat_activity where wait_event_type = 'Lock'`;
    if (row?.waiting > 0) return;
    assert(Date.now() < deadline, "Expected a session to wait");
  }
}

// Each change looks at what the other writes, so one that did not wait would leave the rule live.
const MEETINGS: Record<string, (provider: string) => string> = {
  "its provider is deactivated": (provider) =>
    `update jwt_oidc_providers set is_active = false where issuer = '${provider}'`,
  "its provider's key is revoked": (provider) =>
    `insert into jwt_revoked_provider_keys (provider, kid) values ('${provider}', '${THUMBPRINT}')`,
};
for (const [what, change] of Object.entries(MEETINGS)) {
  for (const ruleFirst of [true, false]) {
    Deno.test(`a rule is not live that is added while ${what}, ${ruleFirst ? "after" : "before"} it`, async () => {
      const id = crypto.randomUUID();
      const issuer = `deployer-${id}`;
      const provider = `https://${id}.example.com`;
      const rule = `rule-${id}`;
      await registry
        .owner`insert into jwt_issuers (issuer, allowed_roles) values (${issuer}, '{widgets_writer}')`;
      await addProvider(registry.owner, provider);
      const steps = [
        (sql: postgres.ISql) => addRule(sql, { name: rule, provider, issuer }),
        (sql: postgres.ISql) => sql.unsafe(change(provider)).then(() => {}),
      ];
      const [first, second] = ruleFirst ? steps : steps.reverse();
      let later: Promise<void> | undefined;
      await registry.owner.begin(async (sql) => {
        await first?.(sql);
        later = pool.begin(async (sql) => await second?.(sql)).then(() => {});
        await untilWaiting();
      });
      await later;
      const [row] = await registry.superuser`
        select key_is_active and cardinality(revoked_kids) = 0 as live from countersign.live
        where issuer = ${issuer} and kid = ${`rule:${rule}`}`;
      assert.equal(row?.live, false);
    });
  }
}

Deno.test("a provider is not changed from a frozen snapshot, which may not show each of its rules", async () => {
  await addProvider(registry.owner, "https://frozen.example.com");
  const deactivate = (isolation: string) =>
    registry.owner.begin(`isolation level ${isolation}`, async (sql) => {
      await sql`update jwt_oidc_providers set is_active = false where issuer = 'https://frozen.example.com'`;
    });
  await assert.rejects(deactivate("repeatable read"), /READ COMMITTED/);
  await deactivate("read committed");
});
