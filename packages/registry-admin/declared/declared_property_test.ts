import assert from "node:assert/strict";
import fc from "fast-check";
import {
  applyDeclaration,
  exportRegistry,
  planDeclaration,
  planMigration,
  readDeclaration,
} from "../mod.ts";
import { sql, WAYS, withTarget } from "../fixtures/every_way.ts";
import { fillRegistry, randomRegistries } from "../fixtures/random_registry.ts";

/** `deno task test:properties` asks for more. */
const RUNS = Math.min(200, Number(Deno.env.get("COUNTERSIGN_PROPERTY_RUNS") ?? 20));
/** Without shrinking, which would fill hundreds of registries. */
const CHECK = { numRuns: RUNS, endOnFailure: true };

withTarget();
const registries = await randomRegistries();

/** What the proxy goes by. */
async function policies(): Promise<Map<unknown, unknown>> {
  const rows = await sql`
    select issuer, is_active, allowed_roles, default_role, allowed_subjects, allow_user_subjects, allowed_claims,
      audiences, max_token_lifetime, max_exchange_lifetime, reject_issued_before, single_use, mode,
      (select jsonb_object_agg(k ->> 'kid', k) from jsonb_array_elements(keys) k) as keys
    from public.jwt_issuer_policies`;
  return new Map(rows.map((row) => [row.issuer, sorted(row)]));
}

/** Providers and rules, as the proxy sees them. */
async function federation(): Promise<Map<unknown, unknown>> {
  const rows = await sql`
    select provider, is_active, keys_from, jwks_uri, jwks, algorithms, allow_private, null as name
    from public.jwt_federation_policies
    union all
    select provider, (r ->> 'is_active')::boolean, r ->> 'issuer', r ->> 'subject', r - 'audiences',
      array(select jsonb_array_elements_text(r -> 'audiences')), false, r ->> 'name'
    from public.jwt_federation_policies, jsonb_array_elements(rules) r`;
  return new Map(rows.map((row) => [row.name ?? row.provider, sorted(row)]));
}

/** Lists of names are sets. */
function sorted(row: Readonly<Record<string, unknown>>): unknown {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      Array.isArray(value) ? Array.from(new Set(value)).sort() : value,
    ]),
  );
}

for (const way of ["REST with a secret key", "SQL by client"] as const) {
  Deno.test(`a plan after an export is empty, over ${way}, for ${RUNS} registries`, async () => {
    await fc.assert(
      fc.asyncProperty(registries, async (registry) => {
        const target = WAYS[way]?.() ?? { sql };
        await fillRegistry(sql, registry);
        const { toml, document } = await exportRegistry(target);
        const { changes, undeclared } = await planDeclaration(target, await readDeclaration(toml), {
          prune: true,
        });
        assert.deepEqual([changes, undeclared], [[], []]);
        assert.equal((await exportRegistry(target)).toml, toml);
        assert.equal(Object.keys(document.issuers ?? {}).length, registry.issuers.length);
        assert.equal(Object.keys(document.rules ?? {}).length, registry.rules.length);
      }),
      CHECK,
    );
  });

  Deno.test(`a plan after apply is empty, over ${way}, from any of ${RUNS} registries to any other`, async () => {
    await fc.assert(
      fc.asyncProperty(registries, registries, fc.boolean(), async (wanted, found, byMigration) => {
        const target = WAYS[way]?.() ?? { sql };
        await fillRegistry(sql, wanted);
        const before = await policies();
        const federated = await federation();
        const file = await readDeclaration((await exportRegistry({ sql })).toml);

        await fillRegistry(sql, found);
        if (byMigration) {
          const plan = await planDeclaration(target, file, { prune: true });
          const migration = planMigration(plan, { allowLoosening: true });
          if (migration !== "") await sql.unsafe(migration);
        } else {
          await applyDeclaration(target, file, { prune: true, allowLoosening: true });
        }
        const { changes, undeclared } = await planDeclaration(target, file, { prune: true });
        assert.deepEqual([changes, undeclared], [[], []]);

        const after = await policies();
        for (const [issuer, policy] of after) {
          if (before.has(issuer)) assert.deepEqual(policy, before.get(issuer));
          else assert.equal(Reflect.get(Object(policy), "is_active"), false);
        }
        for (const [name, row] of await federation()) {
          if (federated.has(name)) assert.deepEqual(row, federated.get(name));
          else assert.equal(Reflect.get(Object(row), "is_active"), false);
        }
      }),
      CHECK,
    );
  });
}
