import { withConnection } from "../store/connection.ts";
import { RegistryError } from "../errors.ts";
import type { Row } from "../store/registry_store.ts";
import { flag, instant, nullable, number, text } from "../store/rows.ts";
import type { DatabaseTarget, SqlTarget } from "../target.ts";

/** The guard, as the database knows it. */
export interface GuardStatus {
  /** Whether PostgREST is told to call the guard before every request. */
  readonly enabled: boolean;
  /** The pre-request function that PostgREST is told to call, if any. */
  readonly preRequest: string | null;
  /** The function that the guard calls after its own check, if any. */
  readonly chained: string | null;
  /** ISO 8601, UTC. */
  readonly enabledAt: string | null;
  /** Tokens of `single_use` issuers that are remembered as used. */
  readonly usedTokens: number;
}

/**
 * Makes PostgREST check issuer and key again inside the transaction of every request.
 *
 * From then on nothing commits for an issuer once its revocation has committed. A pre-request function that the database
 * already names is called after ours. Enabling it again changes nothing.
 *
 * **Does not** see a pre-request function that PostgREST has from its own configuration: name it as `chain`.
 *
 * @param target The database; over REST this can't be done.
 * @param options.chain The function to call after the guard, as `schema.name`.
 * @throws {RegistryError} `invalid_argument` (no such function to chain), `conflict` (another one is set), `not_authorized`,
 * `schema_missing`, `unreachable`.
 *
 * @example Turn the guard on, and off
 * ```ts
 * import { disableGuard, enableGuard, guardStatus } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 *
 * const status = await enableGuard({ databaseUrl: target.databaseUrl });
 * assert.equal(status.preRequest, "countersign.check_request");
 * assert.deepEqual(await guardStatus({ databaseUrl: target.databaseUrl }), status);
 *
 * const after = await disableGuard({ databaseUrl: target.databaseUrl });
 * assert.equal(after.enabled, false);
 * ```
 */
export async function enableGuard(
  target: DatabaseTarget | SqlTarget,
  options: { readonly chain?: string } = {},
): Promise<GuardStatus> {
  return await call(target, "guard_enable($1)", [options.chain ?? null]);
}

/**
 * Gives PostgREST back the pre-request function that it had before the guard, or none.
 *
 * @throws {RegistryError} `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @see {@linkcode enableGuard} for an example
 */
export async function disableGuard(target: DatabaseTarget | SqlTarget): Promise<GuardStatus> {
  return await call(target, "guard_disable()", []);
}

/**
 * Says whether the guard is on.
 *
 * **Does not** see what PostgREST was given in its own configuration file or environment. The
 * database's setting beats it: a function named there is not called any more unless it is chained.
 *
 * @throws {RegistryError} `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @see {@linkcode enableGuard} for an example
 */
export async function guardStatus(target: DatabaseTarget | SqlTarget): Promise<GuardStatus> {
  return await call(target, "guard_status()", []);
}

async function call(
  target: DatabaseTarget | SqlTarget,
  expression: string,
  parameters: (string | null)[],
): Promise<GuardStatus> {
  return await withConnection(target, async (sql, host) => {
    const [answer] = await sql.unsafe<{ status: Row }[]>(
      `select countersign.${expression} as status`,
      parameters,
    );
    if (answer === undefined) {
      throw new RegistryError("unreachable", `Expected "${host}" to answer`);
    }
    const { status } = answer;
    return {
      enabled: flag(status, "enabled"),
      preRequest: nullable(status, "pre_request", text),
      chained: nullable(status, "chained", text),
      enabledAt: nullable(status, "enabled_at", instant),
      usedTokens: number(status, "used_tokens"),
    };
  });
}
