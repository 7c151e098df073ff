/**
 * Whether one request may wait for work that another one has begun.
 *
 * On Workers it may not: what a request has begun ends with it, and what waits for that is never answered. There
 * each request does its own reads and sets its own timers.
 *
 * @returns `false` on Workers.
 *
 * @example Not on Workers
 * ```ts
 * import { requestsShareWork } from "@countersign/verifier";
 * import assert from "node:assert/strict";
 *
 * assert.equal(requestsShareWork(), true);
 * ```
 */
export function requestsShareWork(): boolean {
  return globalThis.navigator?.userAgent !== "Cloudflare-Workers";
}
