import { SignerError, type SignerErrorCode } from "../errors.ts";

/** A PKCS#8 private key or an SPKI public key (RFC 7468 §10 and §13). */
export interface PemKey {
  readonly label: "PRIVATE KEY" | "PUBLIC KEY";
  readonly der: Uint8Array<ArrayBuffer>;
}

const TO_PKCS8 = "openssl pkcs8 -topk8 -nocrypt -in key.pem -out key.pkcs8.pem";

const ENCRYPTED: Refusal = [
  "encrypted_key",
  `Private key is encrypted, expected one without a passphrase; decrypt it with: ${TO_PKCS8}`,
];

/** Labels that people paste by mistake, and what to do about each. */
const REFUSALS = new Map<string, Refusal>([
  ["RSA PRIVATE KEY", [
    "wrong_key_format",
    `Private key is PKCS#1 ("RSA PRIVATE KEY"), expected PKCS#8 ("PRIVATE KEY"); convert it with: ${TO_PKCS8}`,
  ]],
  ["EC PRIVATE KEY", [
    "wrong_key_format",
    `Private key is SEC1 ("EC PRIVATE KEY"), expected PKCS#8 ("PRIVATE KEY"); convert it with: ${TO_PKCS8}`,
  ]],
  ["ENCRYPTED PRIVATE KEY", ENCRYPTED],
  ["OPENSSH PRIVATE KEY", [
    "wrong_key_format",
    'Private key is in OpenSSH\'s own format, which openssl cannot read, expected PKCS#8 ("PRIVATE KEY"); make a key for this purpose with: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pkcs8.pem, or convert a copy of an RSA or ECDSA key with: ssh-keygen -p -N "" -m PKCS8 -f key.pem',
  ]],
  ["DSA PRIVATE KEY", [
    "unsupported_key",
    "Private key is DSA, expected RSA, P-256, P-384 or Ed25519",
  ]],
  ["RSA PUBLIC KEY", [
    "wrong_key_format",
    'Key is a PKCS#1 public key ("RSA PUBLIC KEY"); to sign, give the private key; for its id, convert it with: openssl rsa -RSAPublicKey_in -in key.pub -pubout -out key.spki.pub',
  ]],
  ["SSH2 PUBLIC KEY", [
    "wrong_key_format",
    "Key is an SSH public key; to sign, give the private key as PKCS#8",
  ]],
  ["CERTIFICATE", [
    "wrong_key_format",
    "Text is a certificate; to sign, give its private key; for the id of its key, extract that with: openssl x509 -in cert.pem -noout -pubkey",
  ]],
  ["CERTIFICATE REQUEST", [
    "wrong_key_format",
    "Text is a certificate request; to sign, give its private key; for the id of its key, extract that with: openssl req -in request.pem -noout -pubkey",
  ]],
]);

type Refusal = readonly [SignerErrorCode, string];

/** Decodes the one key in `text`. Refuses every other kind of PEM, and says how to convert it. */
export function decodePem(text: string): PemKey {
  // Environment variables often hold line breaks as a backslash and a letter, which base64 never has.
  const lines = text.replaceAll("\\r", "").replaceAll("\\n", "\n");
  // `openssl ecparam -genkey` puts the name of the curve in a block before the key.
  const blocks = [...lines.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----/gs)]
    .filter(([, label]) => label !== "EC PARAMETERS");
  const [, label = "", body = ""] = blocks[0] ?? [];
  if (blocks.length > 1) {
    throw new SignerError("invalid_key", `Text holds ${blocks.length} PEM blocks, expected one`);
  }

  const refusal = body.includes("Proc-Type: 4,ENCRYPTED") ? ENCRYPTED : REFUSALS.get(label);
  if (refusal !== undefined) throw new SignerError(...refusal);
  if (label !== "PRIVATE KEY" && label !== "PUBLIC KEY") throw new SignerError(...notPem(lines));
  return { label, der: decodeBase64(body) };
}

function notPem(text: string): Refusal {
  if (/^\s*(ssh-|ecdsa-sha2-)/.test(text)) {
    return [
      "wrong_key_format",
      "Key is an SSH public key; to sign, give the private key as PKCS#8",
    ];
  }
  if (/^\s*\{/.test(text)) {
    return [
      "invalid_key",
      "Key is JSON text, expected PEM text or an object; pass a JWK through JSON.parse first",
    ];
  }
  return [
    "invalid_key",
    'Key is not PEM, expected the text from "-----BEGIN PRIVATE KEY-----" to "-----END PRIVATE KEY-----", whole; the path of a file is not read',
  ];
}

function decodeBase64(body: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(body.replace(/\s+/g, "")), (char) => char.charCodeAt(0));
  } catch {
    throw new SignerError("invalid_key", "Key is damaged, expected base64 between the PEM markers");
  }
}
