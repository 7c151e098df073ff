/** A LISTEN that is under way. */
export interface PostgresListener {
  /** Ends the LISTEN and whatever connection it held. */
  stop(): Promise<void>;
}

/**
 * The little that a key source needs of a Postgres driver. `connectPostgres` and
 * `fromDenoPostgres` make one; any other driver fits in a few lines.
 *
 * @example A driver of one's own
 * ```ts
 * import type { PostgresClient } from "@countersign/postgres";
 * import assert from "node:assert/strict";
 *
 * const client: PostgresClient = {
 *   query: (_text, _params) => Promise.resolve([{ version: "1", policy: null }]),
 *   end: () => Promise.resolve(),
 * };
 * assert.equal((await client.query("select", [])).length, 1);
 * ```
 */
export interface PostgresClient {
  /**
   * Runs one statement.
   *
   * @param text SQL with `$1`, `$2`, ….
   * @param params One string per placeholder, sent as text.
   * @returns The rows, by column name.
   */
  query(
    text: string,
    params: readonly string[],
  ): Promise<readonly Record<string, unknown>[]>;

  /**
   * Listens, and goes on listening: an implementation that loses its connection listens again by itself.
   *
   * @param channel The channel's name.
   * @param onNotify Called with the payload of every notification.
   * @param onListening Called each time listening begins, also after a connection was lost.
   */
  listen?(
    channel: string,
    onNotify: (payload: string) => void,
    onListening: () => void,
  ): Promise<PostgresListener>;

  /** Closes every connection. */
  end(): Promise<void>;
}
