/** What the proxy takes its target to be called, unless it is told otherwise: the project's reference, and its URL. */
export function ownAudiences(supabaseUrl: string): string[] {
  if (!URL.canParse(supabaseUrl)) return [supabaseUrl];
  const { href, hostname } = new URL(supabaseUrl);
  const url = href.replace(/\/$/, "");
  const ref = /^([a-z0-9-]+)\.supabase\.(?:co|in|red)$/.exec(hostname)?.[1];
  return ref === undefined ? [url, `${url}/`] : [ref, url, `${url}/`];
}
