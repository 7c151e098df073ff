/**
 * What a token may call a target unless the operator says otherwise: its URL, with and without the trailing
 * slash, and for a hosted project its ref.
 *
 * @param supabaseUrl For example `https://prod-abc123.supabase.co`.
 * @returns The names, of which `aud` has to have one (RFC 7519 §4.1.3).
 *
 * @example A hosted project
 * ```ts
 * import { defaultAudience } from "@countersign/swap-proxy";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(defaultAudience(new URL("https://prod-abc123.supabase.co")), [
 *   "prod-abc123",
 *   "https://prod-abc123.supabase.co",
 *   "https://prod-abc123.supabase.co/",
 * ]);
 * ```
 */
export function defaultAudience(supabaseUrl: URL): string[] {
  const url = supabaseUrl.href.replace(/\/$/, "");
  const ref = /^([a-z0-9-]+)\.supabase\.(?:co|in|red)$/.exec(supabaseUrl.hostname)?.[1];
  return ref === undefined ? [url, `${url}/`] : [ref, url, `${url}/`];
}
