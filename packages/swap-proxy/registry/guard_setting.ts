import type { PostgresClient } from "@countersign/postgres";

/** Whether the database names the guard as PostgREST's pre-request function. */
export async function readGuardSetting(client: PostgresClient): Promise<boolean> {
  const [row] = await client.query(
    "select guard_enabled::text as guard from public.jwt_registry_version",
    [],
  );
  return row?.guard === "true";
}
