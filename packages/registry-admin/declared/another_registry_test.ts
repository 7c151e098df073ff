import { startLocalTarget } from "@countersign/local-target";
import assert from "node:assert/strict";
import {
  applyDeclaration,
  disableGuard,
  enableGuard,
  planDeclaration,
  readDeclaration,
} from "../mod.ts";
import { local, refused, sql, withTarget } from "../fixtures/every_way.ts";

withTarget();

const FILE = await readDeclaration("[issuers.reports]");

Deno.test("a plan of another registry is refused, also at the same revision", async () => {
  await using other = await startLocalTarget({
    function: false,
    sql: ["insert into public.jwt_issuers (issuer, description) values ('billing', 'there')"],
  });
  await sql`insert into public.jwt_issuers (issuer, description) values ('billing', 'here')`;
  const there = await planDeclaration({ databaseUrl: other.databaseUrl }, FILE);
  const here = await planDeclaration({ sql }, FILE);
  assert.equal(there.version.split("-")[0], here.version.split("-")[0]);

  const rest = { supabaseUrl: local.url, serviceRoleKey: local.secretKey };
  const expected = { expectedVersion: there.version };
  await refused("conflict", applyDeclaration(rest, FILE, expected), /or is another one/);
  await refused("conflict", applyDeclaration({ sql }, FILE, expected), /or is another one/);
  await applyDeclaration(rest, FILE, { expectedVersion: here.version });
});

Deno.test("a guard that was turned on since the plan outdates it", async () => {
  const before = await planDeclaration({ sql }, FILE);
  await enableGuard({ sql });
  const expected = { expectedVersion: before.version };
  await refused("conflict", applyDeclaration({ sql }, FILE, expected));
  await disableGuard({ sql });
  assert.equal((await applyDeclaration({ sql }, FILE, expected)).version, before.version);
});
