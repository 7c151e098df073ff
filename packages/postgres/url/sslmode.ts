/** How much of TLS a connection must have. */
export type TlsMode = "off" | "encrypted" | "certificate" | "certificate-and-host";

/**
 * What each `sslmode` of a connection URL demands.
 *
 * In libpq `allow` and `prefer` let the server, or whoever stands between, choose plaintext, and the password
 * goes along. Here they demand what they have in common with `require`.
 */
const SSLMODES: ReadonlyMap<string, TlsMode> = new Map([
  ["disable", "off"],
  ["allow", "encrypted"],
  ["prefer", "encrypted"],
  ["require", "encrypted"],
  ["verify-ca", "certificate"],
  ["verify-full", "certificate-and-host"],
]);

/** The modes that a URL may name. */
export const SSLMODE_NAMES: readonly string[] = [...SSLMODES.keys()];

/**
 * What a connection must have.
 *
 * @param sslmode As the URL has it; `null` if it has none.
 * @param host A name, an address without brackets, or the directory of a Unix socket.
 * @returns `undefined` for a mode that does not exist.
 */
export function tlsMode(sslmode: string | null, host: string): TlsMode | undefined {
  if (sslmode !== null) return SSLMODES.get(sslmode);
  return staysOnThisMachine(host) ? "off" : "certificate-and-host";
}

function staysOnThisMachine(host: string): boolean {
  return host.startsWith("/") || host.toLowerCase() === "localhost" || host === "::1" ||
    /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** What `node:tls` has to check in this mode. */
export interface CertificateChecks {
  /** Whether a certificate that no trusted authority signed ends the connection. */
  readonly rejectUnauthorized: boolean;
  /** Present where the certificate may be for another host. */
  readonly checkServerIdentity?: () => undefined;
}

/**
 * What to check of the server's certificate.
 *
 * @param hasCa Whether the operator named the authorities to trust. Then they are held to in every mode, as in
 * libpq.
 */
export function certificateChecks(tls: TlsMode, hasCa: boolean): CertificateChecks {
  return {
    rejectUnauthorized: tls !== "encrypted" || hasCa,
    ...(tls !== "certificate-and-host" && { checkServerIdentity: () => undefined }),
  };
}
