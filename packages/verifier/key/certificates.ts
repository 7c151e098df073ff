import { DER_TAG, readDer } from "../encoding/der.ts";
import { readPem, writePem } from "./pem.ts";

/**
 * Spells certificates the way TLS libraries take them, however they were pasted.
 *
 * **Does not** check signatures, names or dates; the TLS library does.
 *
 * @param text PEM with one block `CERTIFICATE` or more: CRLF, written-out `\n`, quotes, text around the blocks and the
 * base64 of the whole are read as well.
 * @returns The blocks alone, in lines of 64 characters.
 * @throws {TypeError} There is no certificate, one is damaged, or there is something else.
 *
 * @example What is no certificate
 * ```ts
 * import assert from "node:assert/strict";
 * import { canonicalCertificates } from "@countersign/verifier";
 *
 * assert.throws(() => canonicalCertificates("./prod-ca.crt"), TypeError);
 * ```
 */
export function canonicalCertificates(text: string): string {
  const blocks = readPem(text);
  if (blocks.some(({ label }) => label.endsWith("PRIVATE KEY"))) {
    throw new TypeError("Expected certificates in PEM, found a private key: leave it out");
  }
  if (blocks.length === 0) {
    throw new TypeError(
      'Expected certificates in PEM, from "-----BEGIN CERTIFICATE-----" to "-----END CERTIFICATE-----"',
    );
  }
  return blocks.map(({ label, der }, index) => {
    if (label !== "CERTIFICATE") {
      throw new TypeError(`Expected certificates in PEM, found a block "${label}"`);
    }
    if (der === undefined || !isCertificate(der)) {
      throw new TypeError(
        `Expected whole certificates in PEM, but block ${index + 1} is damaged or cut short`,
      );
    }
    return writePem(label, der);
  }).join("");
}

/** RFC 5280 §4.1: a sequence that begins with another one, the TBSCertificate. */
function isCertificate(der: Uint8Array): boolean {
  const outer = readDer(der, 0);
  return outer?.tag === DER_TAG.sequence && outer.end === der.length &&
    readDer(der, outer.start)?.tag === DER_TAG.sequence;
}
