import assert from "node:assert/strict";
import { PostgresConnectionError } from "../errors.ts";
import { certificateError } from "./certificate_error.ts";

/** An error of `node:tls`, in Node with a code and in Deno without. */
const failure = (message: string, code?: string) =>
  Object.assign(new Error(message), code === undefined ? {} : { code });

const ABOUT_A_CERTIFICATE = [
  ["CERTIFICATE_NOT_TRUSTED", failure("self-signed", "SELF_SIGNED_CERT_IN_CHAIN")],
  ["CERTIFICATE_NOT_TRUSTED", failure("unable", "UNABLE_TO_VERIFY_LEAF_SIGNATURE")],
  ["CERTIFICATE_NOT_TRUSTED", failure("unable", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY")],
  ["CERTIFICATE_NOT_TRUSTED", failure("self-signed", "DEPTH_ZERO_SELF_SIGNED_CERT")],
  ["CERTIFICATE_NOT_TRUSTED", failure("invalid peer certificate: UnknownIssuer")],
  ["CERTIFICATE_HOST_MISMATCH", failure("Hostname", "ERR_TLS_CERT_ALTNAME_INVALID")],
  ["CERTIFICATE_HOST_MISMATCH", failure("invalid peer certificate: NotValidForName")],
  ["CERTIFICATE_EXPIRED", failure("expired", "CERT_HAS_EXPIRED")],
  ["CERTIFICATE_EXPIRED", failure("not yet", "CERT_NOT_YET_VALID")],
  ["CERTIFICATE_EXPIRED", failure("invalid peer certificate: Expired")],
  ["CERTIFICATE_EXPIRED", failure("invalid peer certificate: NotValidYet")],
  ["CERTIFICATE_INVALID", failure("invalid peer certificate: BadEncoding")],
  ["CERTIFICATE_INVALID", failure("revoked", "CERT_REVOKED")],
] as const;
for (const [code, error] of ABOUT_A_CERTIFICATE) {
  const said = Reflect.get(error, "code") ?? error.message;
  Deno.test(`certificateError() makes ${code} of "${said}"`, () => {
    const own = certificateError(error);
    assert.ok(own instanceof PostgresConnectionError);
    assert.equal(own.code, code);
    assert.match(own.message, /^(The server's certificate|No trusted authority)/);
  });
}

Deno.test("certificateError() leaves every other failure alone", () => {
  for (const error of [failure("reset", "ECONNRESET"), failure("wrong version number")]) {
    assert.equal(certificateError(error), error);
  }
});
