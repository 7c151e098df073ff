import { errorChain, errorCodes, PostgresConnectionError } from "@countersign/postgres/errors";

const NOT_MIGRATED = "The registry's tables are missing; apply Countersign's migrations";

/** What the operator has to correct, by SQLSTATE. */
const FAULTS: ReadonlyMap<string, string> = new Map([
  [
    "28P01",
    "Postgres refused the registry's password; correct COUNTERSIGN_DB_URL and redeploy. Until then it is tried " +
    "after 2 seconds and then every 10 minutes, because trying more often gets the address banned",
  ],
  ["28000", "Postgres does not admit the registry's role; correct the user in COUNTERSIGN_DB_URL"],
  ["3D000", "The registry's database does not exist; correct the name in COUNTERSIGN_DB_URL"],
  ["42501", "The registry's role may not read the registry; connect as countersign_reader"],
  ["42P01", NOT_MIGRATED],
  ["42703", NOT_MIGRATED],
  ["42883", NOT_MIGRATED],
  ["3F000", NOT_MIGRATED],
]);

/** Connections that end by themselves: waiting helps. */
const OUTAGES: ReadonlySet<string> = new Set([
  "CONNECT_TIMEOUT",
  "CONNECTION_CLOSED",
  "QUERY_TIMEOUT",
  "CLIENT_ENDED",
]);

/**
 * What an operator has to correct before the registry can be read.
 *
 * **Does not** repeat what a server or a driver said: the sentences are fixed.
 *
 * @param error What the key source threw, with its causes.
 * @returns `undefined` for an outage, which ends without anyone's help.
 */
export function registryFault(error: unknown): string | undefined {
  for (const cause of errorChain(error)) {
    if (cause instanceof PostgresConnectionError && !OUTAGES.has(cause.code)) return cause.message;
  }
  return errorCodes(error).map((code) => FAULTS.get(code)).find((fault) => fault !== undefined);
}
