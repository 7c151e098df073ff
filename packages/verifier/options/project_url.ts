const EXAMPLE = '"https://ref.supabase.co"';
const HOSTED = /\.supabase\.(?:co|in|red)$/;
/** What stands behind a project's URL in the addresses that the dashboard shows. */
const SERVICE = /\/(?:rest|auth|storage|realtime|functions|graphql)\/v\d(?:\/.*)?$/;

/**
 * Reads the URL of a server, however it was pasted.
 *
 * @param text Spaces and quotes around it and slashes behind it are left out.
 * @returns The URL, with no slash behind it.
 * @throws {TypeError} It is not an http(s) URL, or has credentials, a query or a fragment.
 *
 * @example A URL with a slash behind it
 * ```ts
 * import assert from "node:assert/strict";
 * import { readServerUrl } from "@countersign/verifier";
 *
 * assert.equal(readServerUrl("http://localhost:3000/ "), "http://localhost:3000");
 * ```
 */
export function readServerUrl(text: string): string {
  const bare = unquoted(String(text)).trim();
  // The URL parser reads `https:host`, backslashes and line breaks as something else than was written.
  const url = /^https?:\/\/[^/\\\s][^\\\s]*$/i.test(bare) && URL.canParse(bare)
    ? new URL(bare)
    : undefined;
  if (url === undefined) throw new TypeError(`Expected a URL such as ${EXAMPLE}`);
  if (url.username !== "" || url.password !== "") {
    throw new TypeError(`Expected a URL such as ${EXAMPLE}, without credentials`);
  }
  if (/[?#]/.test(bare)) {
    throw new TypeError(`Expected a URL such as ${EXAMPLE}, without a query or fragment`);
  }
  return url.href.replace(/\/+$/, "");
}

/**
 * Reads the URL of a Supabase project, however it was pasted.
 *
 * Refuses what people paste in its place: the address of one of the project's services, of its database, or of
 * the dashboard.
 *
 * @param text Such as `https://ref.supabase.co`. Spaces and quotes around it and slashes behind it are left out.
 * @returns The URL, with no slash behind it.
 * @throws {TypeError} It is not the URL of a project. The message says how to correct it, and never repeats it.
 *
 * @example The address of a service
 * ```ts
 * import assert from "node:assert/strict";
 * import { readProjectUrl } from "@countersign/verifier";
 *
 * assert.equal(readProjectUrl("https://ref.supabase.co/"), "https://ref.supabase.co");
 * assert.throws(() => readProjectUrl("https://ref.supabase.co/rest/v1"), /leave out "\/rest\/v1"/);
 * ```
 */
export function readProjectUrl(text: string): string {
  const bare = unquoted(String(text)).trim();
  if (/^postgres(?:ql)?:/i.test(bare)) {
    throw new TypeError(`Expected the project's URL, such as ${EXAMPLE}, found a database's`);
  }
  if (!/^[a-z]+:/i.test(bare) && /^[\w.-]+(?:\/|$)/.test(bare)) {
    throw new TypeError(`Expected the project's URL to begin with "https://", such as ${EXAMPLE}`);
  }
  const url = new URL(readServerUrl(bare));
  if (/^(?:www\.|app\.)?supabase\.(?:com|io)$/.test(url.hostname)) {
    throw new TypeError(`Expected the project's URL, such as ${EXAMPLE}, found the dashboard's`);
  }
  const service = SERVICE.exec(url.pathname)?.[0];
  if (service !== undefined) {
    const found = service.split("/").slice(0, 3).join("/");
    throw new TypeError(
      `Expected the project's URL alone, such as ${EXAMPLE}; leave out "${found}"`,
    );
  }
  if (HOSTED.test(url.hostname)) {
    if (/^db\.|\.pooler\./.test(url.hostname)) {
      throw new TypeError(
        `Expected the project's URL, such as ${EXAMPLE}, found its database's host`,
      );
    }
    // A service key would travel in the clear before the redirect to https.
    if (url.protocol === "http:" || url.port !== "" || url.pathname !== "/") {
      throw new TypeError(`Expected the project's URL to be no more than ${EXAMPLE}`);
    }
  }
  return url.href.replace(/\/+$/, "");
}

/** Files that `docker --env-file` reads keep the quotes that a shell would remove. */
function unquoted(text: string): string {
  const trimmed = text.trim();
  return /^(["'`]).*\1$/s.test(trimmed) ? trimmed.slice(1, -1) : trimmed;
}
