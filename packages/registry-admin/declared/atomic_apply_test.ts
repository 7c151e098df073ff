import assert from "node:assert/strict";
import { until } from "@countersign/fixture";
import postgres from "postgres";
import {
  applyDeclaration,
  deactivateIssuer,
  type Declaration,
  planDeclaration,
  readDeclaration,
  type RegistryTarget,
} from "../mod.ts";
import { local, newKey, refused, register, sql, WAYS, withTarget } from "../fixtures/every_way.ts";

withTarget();

/** Two rows that are there already, and a new one: whoever locks the second stops an apply in the middle. */
async function stage(target: RegistryTarget) {
  const name = `issuer-${crypto.randomUUID()}`;
  const [first, second] = [`${name}-1`, `${name}-2`];
  await register({ target, issuer: first, ...await newKey(), description: "before" });
  await register({ target, issuer: second, ...await newKey(), description: "before" });
  const file = await readDeclaration(
    [first, second, `${name}-3`].map((issuer) => `[issuers."${issuer}"]\ndescription = "after"\n`)
      .join(""),
  );
  return { first, second, file, seen: () => descriptions(name) };
}

async function descriptions(name: string): Promise<(string | null)[]> {
  const rows = await sql<{ description: string | null }[]>`
    select description from public.jwt_issuers where issuer like ${`${name}-%`} order by issuer`;
  return rows.map(({ description }) => description);
}

/** A transaction that holds a row until it is told to end. */
async function holding(issuer: string): Promise<() => Promise<void>> {
  const other = postgres(local.databaseUrl, { max: 1, onnotice: () => {} });
  const held = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const done = other.begin(async (transaction) => {
    // No lock that a change of another row would wait for.
    await transaction`select from public.jwt_issuers where issuer = ${issuer} for update`;
    held.resolve();
    await release.promise;
  });
  await held.promise;
  return async () => {
    release.resolve();
    await done;
    await other.end();
  };
}

/** The sessions that apply a plan and wait in the middle of it. */
async function waiting(): Promise<number[]> {
  const rows = await sql<{ pid: number }[]>`
    select pid from pg_stat_activity
    where wait_event_type = 'Lock' and query like '%jwt_apply_plan%' and pid <> pg_backend_pid()`;
  return rows.map(({ pid }) => pid);
}

async function isWaiting(): Promise<boolean> {
  return (await waiting()).length > 0;
}

/** A database by URL, not the client that looks on. */
const TARGETS = ["REST with a secret key", "SQL by URL"] as const;

for (const way of TARGETS) {
  const target = () => WAYS[way]?.() ?? { sql };

  Deno.test(`an apply that had to wait leaves all of it, over ${way}`, async () => {
    const { second, file, seen } = await stage(target());
    const release = await holding(second);
    const applied = applyDeclaration(target(), file);
    await until("the apply waits for the second row", isWaiting);
    assert.deepEqual(await seen(), ["before", "before"]);
    await release();
    await applied;
    assert.deepEqual(await seen(), ["after", "after", "after"]);
  });

  Deno.test(`a change between plan and apply is refused, over ${way}`, async () => {
    const { first, file, seen } = await stage(target());
    await applyBehind(target(), file, () => deactivateIssuer({ sql }, first));
    assert.deepEqual(await seen(), ["before", "before"]);
    await applyDeclaration(target(), file, { allowLoosening: true });
    assert.deepEqual(await seen(), ["after", "after", "after"]);
  });

  Deno.test(`of 8 applies at once of one version exactly one holds, over ${way}`, async () => {
    const { file, seen } = await stage(target());
    const { version } = await planDeclaration(target(), file);
    const outcomes = await Promise.allSettled(
      Array.from(
        { length: 8 },
        () => applyDeclaration(target(), file, { expectedVersion: version }),
      ),
    );
    const failed = outcomes.filter((outcome) => outcome.status === "rejected");
    assert.equal(failed.length, 7);
    for (const { reason } of failed) assert.equal(reason.code, "conflict", String(reason));
    assert.deepEqual(await seen(), ["after", "after", "after"]);
  });
}

Deno.test("an apply whose session is ended in the middle leaves nothing of it, over REST", async () => {
  const rest = WAYS["REST with a secret key"]?.() ?? { sql };
  const { second, file, seen } = await stage(rest);
  const release = await holding(second);
  const applied = applyDeclaration(rest, file);
  const outcome = assert.rejects(applied);
  await until("the apply waits for the second row", isWaiting);
  for (const pid of await waiting()) await sql`select pg_terminate_backend(${pid})`;
  await outcome;
  await release();
  assert.deepEqual(await seen(), ["before", "before"]);

  await applyDeclaration(rest, file);
  assert.deepEqual(await seen(), ["after", "after", "after"]);
});

/** Applies a file while something else changes the registry after it was compared, before it is written. */
async function applyBehind(
  target: RegistryTarget,
  file: Declaration,
  change: () => Promise<void>,
): Promise<void> {
  if (!("supabaseUrl" in target)) {
    // Over SQL the comparison is in the transaction of the change, so what was looked at is named.
    const { version } = await planDeclaration(target, file);
    await change();
    await refused("conflict", applyDeclaration(target, file, { expectedVersion: version }));
    return;
  }
  const behind: typeof fetch = async (input, init) => {
    if (String(input instanceof Request ? input.url : input).includes("/rpc/")) await change();
    return await fetch(input, init);
  };
  await refused(
    "conflict",
    applyDeclaration({ ...target, fetch: behind }, file),
    /has changed since/,
  );
}
