/**
 * The token endpoint below a function's URL.
 *
 * @throws {TypeError} It is no http or https URL, or has credentials, a query or a fragment.
 */
export function tokenEndpoint(url: string | URL): string {
  const parsed = URL.canParse(String(url)) ? new URL(String(url)) : undefined;
  const isPlain = parsed !== undefined && /^https?:$/.test(parsed.protocol) &&
    `${parsed.username}${parsed.password}${parsed.search}${parsed.hash}` === "";
  if (isPlain) return `${parsed.href.replace(/\/+$/, "")}/-/token`;
  throw new TypeError(
    'Option "exchange" is not valid, expected the function\'s URL, like "https://ref.supabase.co/functions/v1/rest"',
  );
}
