import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { decodeBase64url, encodeBase64url } from "../encoding/base64url.ts";
import {
  isRefusal,
  keyOf,
  makeKey,
  makeRecord,
  makeToken,
  toPem,
  verify,
} from "../fixtures/tokens.ts";
import { type Algorithm, importPublicKey, InvalidPublicKeyError } from "../mod.ts";
import type { InvalidPublicKeyCode } from "../mod.ts";

interface KeyCase {
  readonly attack: string;
  readonly twin: string;
  readonly algorithm: Algorithm;
  readonly code: InvalidPublicKeyCode;
}

const spkiPem = (key: KeyObject): string => String(key.export({ type: "spki", format: "pem" }));
const derOf = (pem: string): number[] => [
  ...(decodeBase64url(
    pem.replace(/-----.*?-----|[\s=]/g, "").replaceAll("+", "-").replaceAll("/", "_"),
  ) ?? []),
];

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const rsaPem = spkiPem(rsa.publicKey);
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const p256Pem = spkiPem(p256.publicKey);
const ed25519Pem = (await keyOf("EdDSA")).publicKey;
const ed25519Der = derOf(ed25519Pem);

/** DER by hand: a tag, a length in its shortest form, and the content. */
function der(tag: number, ...content: number[]): number[] {
  const { length } = content;
  if (length < 0x80) return [tag, length, ...content];
  return length < 0x100
    ? [tag, 0x81, length, ...content]
    : [tag, 0x82, length >> 8, length & 0xff, ...content];
}
const RSA_ID = der(0x30, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0);
const spki = (id: number[], publicKey: number[]): string =>
  toPem("PUBLIC KEY", Uint8Array.from(der(0x30, ...id, ...der(3, 0, ...publicKey))));
const rsaSpki = (modulus: number[], exponent: number[]): string =>
  spki(RSA_ID, der(0x30, ...der(2, ...modulus), ...der(2, ...exponent)));

/** A modulus of so many bytes: its highest bit is set, and its last byte is as given. */
const modulus = (bytes: number, first = 0x80, last = 0x0b): number[] => [
  ...(first >= 0x80 ? [0] : []),
  first,
  ...new Array<number>(bytes - 2).fill(0x5b),
  last,
];
const F4 = [1, 0, 1];

/** The point of P-256 whose x is zero, with x as given. */
function p256Spki(x: string): string {
  const y = "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4";
  return spki(derOf(p256Pem).slice(2, 23), [4, ...Buffer.from(x + y, "hex")]);
}

const rsaCase = (code: InvalidPublicKeyCode, attack: string, twin: string): KeyCase => ({
  attack,
  twin,
  algorithm: "RS256",
  code,
});

const ed25519Case = (y: string): KeyCase => ({
  attack: spki(
    der(0x30, 6, 3, 0x2b, 0x65, 0x70),
    (y.match(/../g) ?? []).map((x) => parseInt(x, 16)),
  ),
  twin: ed25519Pem,
  algorithm: "EdDSA",
  code: "weak_point",
});

const pem = (code: InvalidPublicKeyCode, attack: string): KeyCase => ({
  attack,
  twin: ed25519Pem,
  algorithm: "EdDSA",
  code,
});

const CASES: Record<string, KeyCase> = {
  // RSA
  "an RSA key of 1024 bits": rsaCase(
    "rsa_modulus_size",
    spkiPem(generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey),
    rsaPem,
  ),
  "an RSA key of 2047 bits": rsaCase(
    "rsa_modulus_size",
    rsaSpki(modulus(256, 0x7f), F4),
    rsaSpki(modulus(256, 0x80), F4),
  ),
  "an RSA key of 8193 bits": rsaCase(
    "rsa_modulus_size",
    rsaSpki(modulus(1025, 0x01), F4),
    rsaSpki(modulus(1024, 0xff), F4),
  ),
  "an RSA exponent of 1": rsaCase(
    "rsa_exponent",
    rsaSpki(modulus(256), [1]),
    rsaSpki(modulus(256), F4),
  ),
  "an RSA exponent of 3": rsaCase(
    "rsa_exponent",
    rsaSpki(modulus(256), [3]),
    rsaSpki(modulus(256), F4),
  ),
  "an RSA exponent of 0": rsaCase(
    "rsa_exponent",
    rsaSpki(modulus(256), [0]),
    rsaSpki(modulus(256), F4),
  ),
  "an even RSA exponent": rsaCase(
    "rsa_exponent",
    rsaSpki(modulus(256), [1, 0, 2]),
    rsaSpki(modulus(256), [1, 0, 3]),
  ),
  "an RSA exponent of 33 bits": rsaCase(
    "rsa_exponent",
    rsaSpki(modulus(256), [1, 0, 1, 0, 1]),
    rsaSpki(modulus(256), [1, 0, 1, 1]),
  ),
  "an RSA exponent as long as the modulus": rsaCase(
    "rsa_exponent",
    rsaSpki(modulus(256), modulus(256)),
    rsaSpki(modulus(256), F4),
  ),
  "an even RSA modulus": rsaCase(
    "rsa_modulus_even",
    rsaSpki(modulus(256, 0x80, 0x0a), F4),
    rsaSpki(modulus(256, 0x80, 0x0b), F4),
  ),
  "a negative RSA modulus": rsaCase(
    "malformed_key",
    rsaSpki(modulus(256).slice(1), F4),
    rsaSpki(modulus(256), F4),
  ),
  "an RSA modulus with a zero too many": rsaCase(
    "malformed_key",
    rsaSpki([0, ...modulus(256)], F4),
    rsaSpki(modulus(256), F4),
  ),
  "an RSA key with something after the exponent": rsaCase(
    "malformed_key",
    spki(RSA_ID, der(0x30, ...der(2, ...modulus(256)), ...der(2, ...F4), 5, 0)),
    rsaSpki(modulus(256), F4),
  ),
  "an RSA key without an exponent": rsaCase(
    "malformed_key",
    spki(RSA_ID, der(0x30, ...der(2, ...modulus(256)))),
    rsaSpki(modulus(256), F4),
  ),
  "an RSA key with an empty exponent": rsaCase(
    "malformed_key",
    rsaSpki(modulus(256), []),
    rsaSpki(modulus(256), F4),
  ),
  "an RSA key that is no sequence": rsaCase(
    "malformed_key",
    spki(RSA_ID, der(0x31, ...der(2, ...modulus(256)), ...der(2, ...F4))),
    rsaSpki(modulus(256), F4),
  ),
  "an RSA key that is only for PSS": rsaCase(
    "unsupported_key_type",
    spki(
      der(0x30, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0a),
      der(0x30, ...der(2, ...modulus(256)), ...der(2, ...F4)),
    ),
    rsaSpki(modulus(256), F4),
  ),

  // Key type and curve
  "a P-256 key for RS256": rsaCase("wrong_key_type", p256Pem, rsaPem),
  "an RSA key for ES256": {
    attack: rsaPem,
    twin: p256Pem,
    algorithm: "ES256",
    code: "wrong_key_type",
  },
  "a P-384 key for ES256": {
    attack: spkiPem(generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey),
    twin: p256Pem,
    algorithm: "ES256",
    code: "wrong_key_type",
  },
  "a P-521 key": {
    attack: spki(
      der(0x30, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x23),
      [4, ...new Array<number>(132).fill(1)],
    ),
    twin: p256Pem,
    algorithm: "ES256",
    code: "wrong_key_type",
  },
  "a compressed point": {
    attack: spki(derOf(p256Pem).slice(2, 23), [2, ...derOf(p256Pem).slice(27, 59)]),
    twin: spki(derOf(p256Pem).slice(2, 23), [4, ...derOf(p256Pem).slice(27, 91)]),
    algorithm: "ES256",
    code: "malformed_key",
  },
  "a point beside its curve": {
    attack: spki(derOf(p256Pem).slice(2, 23), derOf(p256Pem).slice(26).with(64, 0).with(63, 1)),
    twin: p256Pem,
    algorithm: "ES256",
    code: "malformed_key",
  },
  "a point at infinity": {
    attack: spki(derOf(p256Pem).slice(2, 23), [0]),
    twin: p256Pem,
    algorithm: "ES256",
    code: "malformed_key",
  },
  "a coordinate that is right but for the prime": {
    attack: p256Spki("ffffffff00000001".padEnd(32, "0") + "f".repeat(24).padStart(32, "0")),
    twin: p256Spki("0".repeat(64)),
    algorithm: "ES256",
    code: "malformed_key",
  },
  "a coordinate beyond the prime": {
    attack: spki(derOf(p256Pem).slice(2, 23), [4, ...new Array<number>(64).fill(0xff)]),
    twin: p256Pem,
    algorithm: "ES256",
    code: "malformed_key",
  },
  "an X25519 key": pem(
    "wrong_key_type",
    spki(der(0x30, 6, 3, 0x2b, 0x65, 0x6e), new Array<number>(32).fill(9)),
  ),
  "an Ed448 key": pem(
    "wrong_key_type",
    spki(der(0x30, 6, 3, 0x2b, 0x65, 0x71), new Array<number>(57).fill(9)),
  ),

  // Ed25519 points for which anyone can sign
  "the Ed25519 identity": ed25519Case("01".padEnd(64, "0")),
  "the Ed25519 identity with a sign": ed25519Case("01".padEnd(62, "0") + "80"),
  "the Ed25519 identity in a lenient spelling": ed25519Case("ee" + "ff".repeat(30) + "7f"),
  "an Ed25519 point of order 2": ed25519Case("ec" + "ff".repeat(30) + "7f"),
  "an Ed25519 point of order 4": ed25519Case("00".repeat(32)),
  "an Ed25519 point of order 8": ed25519Case(
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  ),
  "another Ed25519 point of order 8": ed25519Case(
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  ),
  "an Ed25519 key of 31 bytes": pem(
    "malformed_key",
    spki(der(0x30, 6, 3, 0x2b, 0x65, 0x70), new Array<number>(31).fill(7)),
  ),

  // PEM
  "a private key": pem(
    "private_key",
    String(p256.privateKey.export({ type: "pkcs8", format: "pem" })),
  ),
  "a SEC 1 private key": pem(
    "private_key",
    String(p256.privateKey.export({ type: "sec1", format: "pem" })),
  ),
  "a PKCS#1 private key": pem(
    "private_key",
    String(rsa.privateKey.export({ type: "pkcs1", format: "pem" })),
  ),
  "an encrypted private key": pem(
    "private_key",
    String(p256.privateKey.export({
      type: "pkcs8",
      format: "pem",
      cipher: "aes-256-cbc",
      passphrase: "x",
    })),
  ),
  "an OpenSSH private key": pem(
    "private_key",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n-----END OPENSSH PRIVATE KEY-----\n",
  ),
  "a private key under the label of a public one": pem(
    "private_key",
    toPem("PUBLIC KEY", p256.privateKey.export({ type: "pkcs8", format: "der" })),
  ),
  "a public key and its private key": pem(
    "private_key",
    ed25519Pem + p256.privateKey.export({ type: "pkcs8", format: "pem" }),
  ),
  "a certificate": pem(
    "certificate",
    "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n-----END CERTIFICATE-----\n",
  ),
  "two keys": pem("several_blocks", ed25519Pem + p256Pem),
  "the same key twice": pem("several_blocks", ed25519Pem + ed25519Pem),
  "a PKCS#1 public key": pem(
    "not_pem",
    String(rsa.publicKey.export({ type: "pkcs1", format: "pem" })),
  ),
  "an SSH public key": pem("not_pem", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI worker@host"),
  "a JWK": pem("not_pem", JSON.stringify(p256.publicKey.export({ format: "jwk" }))),
  "DER without PEM": pem("not_pem", encodeBase64url(Uint8Array.from(ed25519Der))),
  "a second marker after the key": pem("several_blocks", `${ed25519Pem}-----BEGIN PUBLIC KEY-----`),
  "an empty string": pem("not_pem", ""),
  "an empty block": pem(
    "malformed_key",
    toPem("PUBLIC KEY", new Uint8Array(0)).replace("\n", "\n\n"),
  ),
  "base64url inside the block": pem(
    "not_pem",
    ed25519Pem.replace(/[A-Za-z0-9](?=\S+\n-----END)/, "_"),
  ),
  "base64 without its padding": pem("not_pem", rsaPem.replace(/(.)\n-----END/, "\n-----END")),
  "a text of 65 KB": pem("not_pem", `${ed25519Pem}${" ".repeat(65_536)}`),

  // DER
  "bytes after the key": pem(
    "malformed_key",
    toPem("PUBLIC KEY", Uint8Array.from([...ed25519Der, 0])),
  ),
  "a key that is cut short": pem(
    "malformed_key",
    toPem("PUBLIC KEY", Uint8Array.from(ed25519Der.slice(0, -1))),
  ),
  "a length in more bytes than it needs": pem(
    "malformed_key",
    toPem("PUBLIC KEY", Uint8Array.from([0x30, 0x81, ...ed25519Der.slice(1)])),
  ),
  "an indefinite length": pem(
    "malformed_key",
    toPem("PUBLIC KEY", Uint8Array.from([0x30, 0x80, ...ed25519Der.slice(2), 0, 0])),
  ),
  "unused bits": pem(
    "malformed_key",
    toPem("PUBLIC KEY", Uint8Array.from(ed25519Der.with(11, 1))),
  ),
  "a sequence that is none": pem(
    "malformed_key",
    toPem("PUBLIC KEY", Uint8Array.from(ed25519Der.with(0, 0x31))),
  ),
  "an algorithm identifier that is no sequence": pem(
    "malformed_key",
    toPem("PUBLIC KEY", Uint8Array.from(ed25519Der.with(2, 0x31))),
  ),
  "a key that is no bit string": pem(
    "malformed_key",
    toPem("PUBLIC KEY", Uint8Array.from(ed25519Der.with(9, 4))),
  ),
  "an algorithm identifier with parameters": pem(
    "unsupported_key_type",
    spki(der(0x30, 6, 3, 0x2b, 0x65, 0x70, 5, 0), ed25519Der.slice(12)),
  ),
};

for (const [name, { attack, twin, algorithm, code }] of Object.entries(CASES)) {
  Deno.test(`importPublicKey() refuses ${name}`, async () => {
    await assert.rejects(importPublicKey(attack, algorithm), (error) => {
      assert.ok(error instanceof InvalidPublicKeyError);
      assert.equal(error.code, code, error.message);
      // Neither the message nor a cause may repeat the key.
      assert.equal(error.cause, undefined);
      for (const line of attack.split("\n").filter((text) => /^[\w+/=]{16,}$/.test(text))) {
        assert.ok(!error.message.includes(line));
      }
      return true;
    });
    assert.equal((await importPublicKey(twin, algorithm)).type, "public");
  });
}

Deno.test("verifyMultiIssuerJwt() fails closed for a key that can't be imported", async () => {
  const weak = { ...await keyOf("EdDSA"), publicKey: CASES["the Ed25519 identity"]?.attack ?? "" };
  const forged = new Uint8Array(64);
  forged[0] = 1;
  const record = await makeRecord({ keys: [weak] });
  await assert.rejects(
    verify(await makeToken({ sign: () => forged }), record),
    (error) =>
      isRefusal(error, "bad_signature") && error instanceof Error &&
      error.cause instanceof InvalidPublicKeyError,
  );
});

Deno.test("verifyMultiIssuerJwt() verifies with the other keys of an issuer with a bad one", async () => {
  const good = await keyOf("EdDSA");
  const bad = { ...await makeKey("EdDSA"), publicKey: "not a key" };
  const record = await makeRecord({ keys: [bad, good] });
  const token = await makeToken({ header: { kid: undefined } });
  assert.equal((await verify(token, record)).matchedKey.kid, good.kid);
});
