import { PostgresConnectionError, type PostgresConnectionErrorCode } from "../errors.ts";

/** What TLS says of a certificate that fails: OpenSSL's codes under Node, rustls' names under Deno. */
const FAILURES: readonly (readonly [RegExp, PostgresConnectionErrorCode, string])[] = [
  [
    /ALTNAME|NotValidForName/,
    "CERTIFICATE_HOST_MISMATCH",
    "The server's certificate is for another host; connect by a name that it holds, or use sslmode=verify-ca",
  ],
  [
    /EXPIRED|NOT_YET_VALID|Expired|NotValidYet/,
    "CERTIFICATE_EXPIRED",
    "The server's certificate has expired or is not valid yet; renew it, or set this machine's clock",
  ],
  [
    /UnknownIssuer|SELF_SIGNED|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY|CaUsedAsEndEntity/,
    "CERTIFICATE_NOT_TRUSTED",
    "No trusted authority signed the server's certificate; pass the CA that did (COUNTERSIGN_DB_CA)",
  ],
  [
    /CERT|certificate/i,
    "CERTIFICATE_INVALID",
    "The server's certificate cannot be verified; pass the CA that signed it (COUNTERSIGN_DB_CA)",
  ],
];

/** An error of a TLS handshake: its own account if it is about the certificate, else as it is. */
export function certificateError(error: Error): Error {
  const said = `${Reflect.get(error, "code") ?? ""} ${error.message}`;
  const [, code, message] = FAILURES.find(([words]) => words.test(said)) ?? [];
  if (code === undefined || message === undefined) return error;
  return new PostgresConnectionError(code, message);
}
