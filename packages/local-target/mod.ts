/**
 * A Supabase-compatible target on one machine, for development and tests: real Postgres 17, real PostgREST
 * 12, the platform's roles, schemas, API keys and gateway, and the swap proxy as the function `rest`. No Docker.
 *
 * @example An API of one table
 * ```ts
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({
 *   function: false,
 *   migrations: false,
 *   sql: [`
 *     create table public.widgets (name text primary key);
 *     grant select, insert on public.widgets to service_role;
 *     insert into public.widgets values ('sprocket');
 *   `],
 * });
 *
 * const response = await fetch(`${target.restUrl}/widgets`, { headers: { apikey: target.secretKey } });
 * assert.deepEqual(await response.json(), [{ name: "sprocket" }]);
 * ```
 *
 * @module
 */
export { startLocalTarget } from "./start_local_target.ts";
export type { LocalTarget, LocalTargetOptions } from "./local_target.ts";
export type { FunctionOptions } from "./function/function_process.ts";
export type { FunctionHandler } from "./gateway/gateway.ts";
export type { ProjectKeys } from "./keys/keys.ts";
export type { LogSource } from "./process/process.ts";
export type { Service } from "./process/service.ts";
export { LocalTargetError, type LocalTargetErrorCode } from "./errors.ts";
