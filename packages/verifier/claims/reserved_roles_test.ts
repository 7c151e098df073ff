import assert from "node:assert/strict";
import { isRefusal, makeRecord, makeToken, verify } from "../fixtures/tokens.ts";
import { isReservedRole } from "./reserved_roles.ts";

const RESERVED = [
  "service_role",
  "SERVICE_ROLE",
  "authenticator",
  "postgres",
  "supabase_admin",
  "supabase_auth_admin",
  "supabase_storage_admin",
  "supabase_read_only_user",
  "pgbouncer",
  "dashboard_user",
  "pgsodium_keymaker",
  "pg_read_all_data",
  "pg_execute_server_program",
  "none",
  "public",
];

for (const role of RESERVED) {
  Deno.test(`isReservedRole() refuses ${role}, even if the registry allows it`, async () => {
    const record = await makeRecord({ policy: { allowedRoles: [role, "billing_writer"] } });
    await assert.rejects(
      verify(await makeToken({ claims: { role } }), record),
      (error) => isRefusal(error, "role_not_allowed"),
    );
    await verify(await makeToken({ claims: { role: "billing_writer" } }), record);
  });
}

Deno.test("isReservedRole() refuses a reserved role that hides behind a line break", () => {
  assert.ok(isReservedRole("supabase_\nadmin"));
  assert.ok(isReservedRole("pg_\u2028x"));
});

Deno.test("isReservedRole() takes names that only look like reserved ones", () => {
  for (const role of ["anon", "authenticated", "service_roles", "page_writer", "my_postgres", ""]) {
    assert.ok(!isReservedRole(role), role);
  }
});
