import { RegistryError } from "../errors.ts";
import { withConnection } from "../store/connection.ts";
import type { DatabaseTarget, SqlTarget } from "../target.ts";

/** Seconds: as long as the database's own default. */
const OVERLAP = 3_600;

/**
 * Makes a new key of the seal, by which the database knows that the proxy made a token.
 *
 * The proxies read the new key by themselves. The old keys are accepted for the overlap, so that no request is
 * rejected in between: it has to be longer than their `maxStaleness` and the 30 seconds that a downstream token
 * lives. With 0, whatever was sealed with them is rejected at once.
 *
 * @param target The database; over REST this cannot be done.
 * @param options.overlap Seconds for which the old keys are accepted, at most 30 days. Default: 3,600.
 * @returns The id of the new key.
 * @throws {RegistryError} `invalid_argument` (the overlap), `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @example Rotate the key
 * ```ts
 * import { rotateSealKey } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 *
 * const id = await rotateSealKey({ databaseUrl: target.databaseUrl }, { overlap: 600 });
 * assert.match(id, /^[0-9a-f]{12}$/);
 * ```
 */
export async function rotateSealKey(
  target: DatabaseTarget | SqlTarget,
  options: { readonly overlap?: number } = {},
): Promise<string> {
  const { overlap = OVERLAP } = options;
  if (!(overlap >= 0 && overlap <= 30 * 86_400)) {
    throw new RegistryError(
      "invalid_argument",
      'Expected "overlap" to be seconds, at most 30 days',
    );
  }
  return await withConnection(target, async (sql, host) => {
    const [answer] = await sql.unsafe<{ id: string }[]>(
      "select countersign.rotate_seal(make_interval(secs => $1::text::float8)) as id",
      [String(overlap)],
    );
    if (answer === undefined) {
      throw new RegistryError("unreachable", `Expected "${host}" to answer`);
    }
    return answer.id;
  });
}
