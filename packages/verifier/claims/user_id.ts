/**
 * Tells whether a subject could be taken for the id of one of the target's end users.
 *
 * GoTrue's ids are UUIDs, and `auth.uid()` casts `sub` to `uuid`. Postgres reads a UUID in upper case, in braces
 * and with hyphens in unusual places; this accepts all of its spellings and some more, since a mistake in
 * this direction refuses a service, and one in the other lets a service act as a user.
 *
 * @param sub The subject.
 * @returns Whether it spells a UUID.
 *
 * @example Spellings of one user id
 * ```ts
 * import assert from "node:assert/strict";
 * import { isUserId } from "@countersign/verifier";
 *
 * assert.ok(isUserId("5f0c4c4e-8d0f-4b8e-9a53-6f5e0a0d9c11"));
 * assert.ok(isUserId("{5F0C4C4E8D0F4B8E9A536F5E0A0D9C11}"));
 * assert.ok(!isUserId("worker-1"));
 * ```
 */
export function isUserId(sub: string): boolean {
  return /^[0-9a-f]{32}$/i.test(sub.replace(/[\s{}-]/g, ""));
}
