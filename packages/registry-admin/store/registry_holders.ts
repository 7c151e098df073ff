import { RegistryError } from "../errors.ts";
import type { RegistryStore, Row } from "./registry_store.ts";

/** Whether a change failed because another transaction holds its rows, and Postgres did not say which. */
export function isHeldUp(error: unknown): error is RegistryError {
  return error instanceof RegistryError && error.sqlstate === "55P03" &&
    !error.message.includes("held up by");
}

/**
 * Names the sessions that hold the registry, for an operator to end them.
 *
 * @returns The same error with their names, or unchanged if there are none any more or they cannot be read.
 */
export async function withHolders(
  error: RegistryError,
  registry: RegistryStore,
): Promise<RegistryError> {
  const holders = await registry.select("jwt_registry_holders").catch((reason: unknown) => {
    if (reason instanceof RegistryError) return [];
    throw reason;
  });
  if (holders.length === 0) return error;
  const pids = holders.map(({ pid }) => `select pg_terminate_backend(${pid})`).join("; ");
  const details = error.sqlstate === undefined ? {} : { sqlstate: error.sqlstate };
  return new RegistryError(
    error.code,
    `Cannot change the registry: it is held up by ${
      holders.map(described).join("; ")
    }. End it with "${pids}", and try again`,
    { ...details, cause: error },
  );
}

function described({ pid, user, state, since, query }: Row): string {
  // Another login's text, for a terminal.
  const text = String(query).replaceAll(/[\s\p{C}]+/gu, " ").trim().slice(0, 200);
  return `session ${pid} (user "${user}", ${state}, since ${since}): ${text}`;
}
