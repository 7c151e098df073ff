import { importPublicKey, keyId } from "@countersign/verifier";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { generateKeyPairSync, type KeyPairKeyObjectResult } from "node:crypto";
import { pem, refusal, RegistryDatabase } from "./fixtures/registry_database.ts";

let registry: RegistryDatabase;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start();
});
Deno.test.afterAll(() => registry.stop());

interface Pair {
  readonly der: Uint8Array;
  readonly privateKey: string;
}
const exported = ({ publicKey, privateKey }: KeyPairKeyObjectResult): Pair => ({
  der: new Uint8Array(publicKey.export({ type: "spki", format: "der" })),
  privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
});
const ec = (namedCurve: string) => exported(generateKeyPairSync("ec", { namedCurve }));
/** A well-formed SPKI of another kind: nothing looks further into it than its algorithm. */
const unsupported = (algorithm: string, key: number) => {
  const id = Buffer.from(algorithm, "hex");
  return new Uint8Array([
    0x30,
    id.length + key + 5,
    0x30,
    id.length,
    ...id,
    3,
    key + 1,
    0,
    ...Array(key).fill(4),
  ]);
};

/** RSA of any size, with an odd number where two primes' product should be. */
function rsa(bits: number, exponent: readonly number[] = [1, 0, 1]): Uint8Array {
  const n = new Uint8Array(Math.ceil(bits / 8)).fill(0x5b);
  n[0] = 0x80 >> (n.length * 8 - bits);
  const integer = (bytes: readonly number[]) =>
    element(2, bytes[0]! & 0x80 ? [0, ...bytes] : bytes);
  const key = element(0x30, [...integer(Array.from(n)), ...integer(exponent)]);
  const algorithm = element(0x30, Array.from(Buffer.from("06092a864886f70d0101010500", "hex")));
  return new Uint8Array(element(0x30, [...algorithm, ...element(3, [0, ...key])]));
}

function element(tag: number, content: readonly number[]): number[] {
  const { length } = content;
  const size = length < 128
    ? [length]
    : length < 256
    ? [0x81, length]
    : [0x82, length >> 8, length & 255];
  return [tag, ...size, ...content];
}

const RSA = exported(generateKeyPairSync("rsa", { modulusLength: 2048 }));
const P256 = ec("P-256");
const ED25519 = exported(generateKeyPairSync("ed25519"));

async function kidOf(text: string): Promise<string | undefined> {
  const [row] = await registry.owner<{ kid: string }[]>`select countersign.key_id(${text}) as kid`;
  return row?.kid;
}

function changed(der: Uint8Array, change: (bytes: Uint8Array) => void): string {
  const copy = new Uint8Array(der);
  change(copy);
  return pem(copy);
}

for (
  const [kind, der] of Object.entries({
    "RSA 2048": RSA.der,
    "RSA 3072": rsa(3072),
    "RSA 4096 with a large exponent": rsa(4096, [0x80, 0, 0, 1]),
    "RSA 2049": rsa(2049),
    "P-256": P256.der,
    "P-384": ec("P-384").der,
    "Ed25519": ED25519.der,
  })
) {
  Deno.test(`key_id() is the verifier's keyId for ${kind}`, async () => {
    assert.equal(await kidOf(pem(der)), await keyId(pem(der)));
  });
}

Deno.test("key_id() is one and the same for every layout of a key", async () => {
  const text = pem(RSA.der);
  const oneLine = text.replaceAll("\n", "").replace("KEY-----", "KEY-----\n").replace(
    "-----END",
    "\n-----END",
  );
  for (
    const layout of [
      text.replaceAll("\n", "\r\n"),
      `\n \t${text}\n\n`,
      text.replace(/(.{10})(?=[A-Za-z0-9+/=]{10})/g, "$1\n"),
      oneLine,
    ]
  ) {
    assert.equal(await kidOf(layout), await keyId(text));
  }
});

const text = pem(P256.der);
const body = text.split("\n").slice(1, -2).join("");
const block = (inside: string) =>
  `-----BEGIN PUBLIC KEY-----\n${inside}\n-----END PUBLIC KEY-----\n`;

const HOSTILE: Record<string, readonly [text: string, message: RegExp]> = {
  "no PEM at all": [body, /one PEM block/],
  "an empty block": [block("").replace("\n\n", "\n"), /PEM block|no supported kind/],
  "two blocks": [text + text, /exactly one PEM block/],
  "text before the block": [`key: ${text}`, /nothing around it/],
  "text after the block": [`${text}x`, /nothing around it/],
  "another label at its end": [text.replace("END PUBLIC", "END RSA PUBLIC"), /exactly one PEM/],
  "a private key": [RSA.privateKey, /got a private one/],
  "a private key beside a public one": [text + ED25519.privateKey, /got a private one/],
  "a private key under a public label": [
    ED25519.privateKey.replaceAll("PRIVATE", "PUBLIC"),
    /no supported kind/,
  ],
  "a certificate": [text.replaceAll("PUBLIC KEY", "CERTIFICATE"), /got a certificate/],
  "PKCS #1": [text.replaceAll("PUBLIC KEY", "RSA PUBLIC KEY"), /got PKCS #1/],
  "base64url": [block(body.replace(/[+/]|A/, "-")), /exactly one PEM/],
  "padding in the middle": [block(`${body.slice(0, 8)}=${body.slice(9)}`), /not base64/],
  "a missing last character": [block(body.slice(0, -3)), /not base64/],
  "trailing bits that are not zero": [
    block(body.replace(/.==$/, "B==").replace(/A=$/, "B=")),
    /canonical base64|not base64/,
  ],
  "8 KiB": [block("A".repeat(8192)), /too long/],
  "a byte after the key": [
    pem(new Uint8Array([...P256.der, 0])),
    /no supported kind|EC keys/,
  ],
  "a compressed point": [
    pem(
      new Uint8Array([
        ...[0x30, 0x39, ...P256.der.subarray(2, 24), 0x22, 0, 2],
        ...P256.der.subarray(27, 59),
      ]),
    ),
    /uncompressed point/,
  ],
  "a curve that no algorithm here uses": [
    pem(unsupported("06072a8648ce3d020106052b8104000a", 65)),
    /P-256 or P-384/,
  ],
  "P-521": [pem(unsupported("06072a8648ce3d020106052b81040023", 80)), /P-256 or P-384/],
  "Ed448": [pem(unsupported("06032b6571", 57)), /supported kind/],
  "X25519": [pem(unsupported("06032b656e", 32)), /supported kind/],
  "RSA of 1024 bits": [pem(rsa(1024)), /2048 to 4096 bits/],
  "RSA of 2047 bits": [pem(rsa(2047)), /RSA key/],
  "RSA with a public exponent of 3": [pem(rsa(2048, [3])), /exponent/],
  "RSA with an exponent of 1": [
    changed(RSA.der, (der) => der.set([0, 0, 1], der.length - 3)),
    /openssl writes/,
  ],
  "RSA with an even exponent": [
    changed(RSA.der, (der) => der.set([1, 0, 2], der.length - 3)),
    /exponent/,
  ],
  "RSA with an even modulus": [
    changed(RSA.der, (der) => der[der.length - 6]! &= 0xfe),
    /modulus is even/,
  ],
  "RSA with a negative modulus": [changed(RSA.der, (der) => der[32] = 0x80), /openssl/],
  "RSA with a padded modulus": [changed(RSA.der, (der) => der[33]! &= 0x7f), /openssl/],
  "RSA with a length that says too much": [
    changed(RSA.der, (der) => der[27]! += 1),
    /openssl/,
  ],
  "RSA of 4097 bits": [pem(rsa(4097)), /at most 4096 bits: Deno/],
  "RSA of 5120 bits": [pem(rsa(5120)), /at most 4096 bits: Deno/],
  "RSA with an exponent over 2^32": [pem(rsa(2048, [1, 0, 0, 0, 1])), /exponent/],
  "RSA cut off after its algorithm": [pem(RSA.der.subarray(0, 19)), /2048 to 4096 bits/],
  "RSA cut off in its modulus": [pem(RSA.der.subarray(0, 280)), /2048 to 4096 bits/],
  "RSA cut off in its exponent": [pem(RSA.der.subarray(0, -1)), /2048 to 4096|openssl/],
  "RSA-PSS parameters": [
    pem(unsupported("06092a864886f70d01010a", 32)),
    /no supported kind/,
  ],
};

for (const [what, [hostile, message]] of Object.entries(HOSTILE)) {
  Deno.test(`key_id() refuses ${what}`, async () => {
    await assert.rejects(kidOf(hostile), refusal("23514", message));
  });
}

Deno.test("key_id() never repeats what it was given", async () => {
  for (const [hostile] of Object.values(HOSTILE)) {
    await assert.rejects(kidOf(hostile), (error: Error) => {
      const said = JSON.stringify([error.message, Reflect.get(error, "hint")]);
      return !hostile.split("\n").some((line) => line.length > 30 && said.includes(line));
    });
  }
});

Deno.test("key_id() accepts every key that the verifier's importPublicKey accepts", async () => {
  for (const [algorithm, der] of [["RS256", RSA.der], ["ES256", P256.der]] as const) {
    for (let round = 0; round < 60; round++) {
      const hostile = changed(der, (bytes) => {
        const at = (round * 7) % Math.min(bytes.length, 40);
        bytes[at]! ^= 1 << (round % 8);
      });
      const byDatabase = await kidOf(hostile).then(() => true, () => false);
      const byVerifier = await importPublicKey(hostile, algorithm).then(() => true, () => false);
      // A point off its curve or an even number further in is the verifier's to find.
      if (byVerifier) assert.equal(byDatabase, true, Buffer.from(hostile).toString());
      if (byDatabase) assert.equal(await kidOf(hostile), await keyId(hostile));
    }
  }
});

const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"];
const FITS: readonly (readonly [string, Uint8Array, readonly string[]])[] = [
  ["RSA", RSA.der, ["RS256", "RS384", "RS512", "PS256"]],
  ["P-256", P256.der, ["ES256"]],
  ["P-384", ec("P-384").der, ["ES384"]],
  ["Ed25519", ED25519.der, ["EdDSA"]],
];
for (const [kind, der, fitting] of FITS) {
  Deno.test(`jwt_public_keys.algorithm has to fit a key of kind ${kind}`, async () => {
    for (const algorithm of [...ALGORITHMS, "HS256", "none", "rs256", ""]) {
      const insert = registry.undone((sql) =>
        sql`insert into jwt_public_keys (issuer, public_key, algorithm) values ('a', ${
          pem(der)
        }, ${algorithm})`
      );
      if (fitting.includes(algorithm)) await insert;
      else await assert.rejects(insert, refusal("23514", /algorithm_(fits|is_known)/));
    }
  });
}
