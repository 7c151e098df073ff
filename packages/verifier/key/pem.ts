import { decodeBase64url } from "../encoding/base64url.ts";
import { InvalidPublicKeyError } from "../errors.ts";

// An RSA key of 8192 bits takes 1.5 KB.
const MAX_PEM_LENGTH = 8192;
const LABEL = /-----BEGIN ([A-Z0-9 ]+)-----/g;
const ONE_BLOCK = /^\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/;

const EXPECTED = 'Expected one PEM block that begins with "-----BEGIN PUBLIC KEY-----"';

/**
 * Reads the DER of exactly one block `PUBLIC KEY` (RFC 7468 §13), with nothing before or after it.
 *
 * Stricter than RFC 7468 §2, which lets a parser skip what it doesn't know: two readers that skip
 * differently would see two keys.
 *
 * @throws {InvalidPublicKeyError} `not_pem`, `private_key`, `certificate`, `several_blocks`
 */
export function readPublicKeyPem(pem: string) {
  if (typeof pem !== "string" || pem.length > MAX_PEM_LENGTH) {
    throw new InvalidPublicKeyError("not_pem", EXPECTED);
  }
  const labels = Array.from(pem.matchAll(LABEL), (match) => match[1] ?? "");
  if (labels.some((label) => label.endsWith("PRIVATE KEY"))) {
    throw new InvalidPublicKeyError(
      "private_key",
      'Expected a public key, got a private key: keep it secret, and register what "openssl pkey -in issuer.key -pubout" prints',
    );
  }
  if (labels.length > 1) {
    throw new InvalidPublicKeyError(
      "several_blocks",
      `Expected one PEM block, got ${labels.length}: register each key by itself`,
    );
  }
  if (labels[0] === "CERTIFICATE") {
    throw new InvalidPublicKeyError(
      "certificate",
      'Expected a public key, got a certificate: take its key out with "openssl x509 -in issuer.crt -pubkey -noout"',
    );
  }
  if (labels[0] === "RSA PUBLIC KEY") {
    throw new InvalidPublicKeyError(
      "not_pem",
      `${EXPECTED}, got PKCS#1: convert it with "openssl rsa -RSAPublicKey_in -in issuer.pub -pubout"`,
    );
  }
  if (pem.startsWith("ssh-") || pem.startsWith("ecdsa-sha2-")) {
    throw new InvalidPublicKeyError(
      "not_pem",
      `${EXPECTED}, got an SSH key: convert it with "ssh-keygen -e -m PKCS8 -f issuer.pub"`,
    );
  }
  const body = ONE_BLOCK.exec(pem)?.[1]?.replace(/\s/g, "");
  const der = body === undefined ? undefined : decodeBase64(body);
  if (der === undefined) {
    throw new InvalidPublicKeyError(
      "not_pem",
      `${EXPECTED} and holds base64: make it with "openssl pkey -in issuer.key -pubout"`,
    );
  }
  return der;
}

function decodeBase64(text: string) {
  if (text.length % 4 !== 0) return undefined;
  return decodeBase64url(
    text.replace(/={1,2}$/, "").replaceAll("+", "-").replaceAll("/", "_"),
  );
}
