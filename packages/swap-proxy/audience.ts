/**
 * What a token may call this target when nobody said otherwise: its URL, with and without the trailing
 * slash, and for a hosted project its ref.
 *
 * @param supabaseUrl For example `https://prod-abc123.supabase.co`.
 */
export function defaultAudience(supabaseUrl: URL): string[] {
  const url = supabaseUrl.href.replace(/\/$/, "");
  const ref = /^([a-z0-9-]+)\.supabase\.(?:co|in|red)$/.exec(supabaseUrl.hostname)?.[1];
  return ref === undefined ? [url, `${url}/`] : [ref, url, `${url}/`];
}
