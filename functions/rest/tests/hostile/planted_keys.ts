/**
 * Keys that anyone could sign for, put into the registry by SQL and past every check of our own
 * code, as whoever holds `service_role` could try.
 */
import { Buffer } from "node:buffer";
import { createHash, generateKeyPairSync, type JsonWebKey, type KeyObject } from "node:crypto";
import type { Algorithm } from "@countersign/signer";
import type { Stage } from "@countersign/fixture/stage";
import { TokenForge } from "@countersign/fixture";

export interface PlantedKey {
  readonly attack: string;
  readonly publicKey: string;
  readonly algorithm: Algorithm;
}

const pem = (key: KeyObject) => String(key.export({ type: "spki", format: "pem" }));
const block = (label: string, der: Uint8Array) =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString("base64")}\n-----END ${label}-----\n`;

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ed25519 = generateKeyPairSync("ed25519");
export const STRONG_KEY: PlantedKey = {
  attack: "none",
  publicKey: pem(rsa.publicKey),
  algorithm: "RS256",
};

/** A DER element (X.690 §8.1). */
function der(tag: number, ...content: Uint8Array[]): Uint8Array {
  const body = Buffer.concat(content);
  const length = body.length < 0x80
    ? [body.length]
    : body.length < 0x100
    ? [0x81, body.length]
    : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Uint8Array.of(tag, ...length), body]);
}

/** The SPKI of an RSA key with any numbers, which no library would write. */
function rsaSpki(change: { modulus?: (n: Uint8Array) => Uint8Array; exponent?: number[] }): string {
  const { n }: JsonWebKey = rsa.publicKey.export({ format: "jwk" });
  const honest = Buffer.from(n!, "base64url");
  const modulus = change.modulus?.(honest) ?? honest;
  const key = der(
    0x30,
    der(0x02, Uint8Array.of(0, ...modulus)),
    der(0x02, Uint8Array.from(change.exponent ?? [1, 0, 1])),
  );
  const identifier = Buffer.from("300d06092a864886f70d0101010500", "hex");
  return block("PUBLIC KEY", der(0x30, identifier, der(0x03, Uint8Array.of(0), key)));
}

const rs256 = (attack: string, publicKey: string): PlantedKey => ({
  attack,
  publicKey,
  algorithm: "RS256",
});

export const PLANTED_KEYS: readonly PlantedKey[] = [
  rs256("RSA of 1024 bits", pem(generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey)),
  rs256("RSA with e = 1", rsaSpki({ exponent: [1] })),
  rs256("RSA with e = 3", rsaSpki({ exponent: [3] })),
  rs256("RSA with an even e", rsaSpki({ exponent: [1, 0, 2] })),
  rs256(
    "RSA with an even modulus",
    rsaSpki({ modulus: (n) => n.map((byte, i) => i === 255 ? byte & 0xfe : byte) }),
  ),
  rs256(
    "a private key pasted as public",
    String(rsa.privateKey.export({ type: "pkcs8", format: "pem" })),
  ),
  rs256("a certificate", block("CERTIFICATE", new Uint8Array(600))),
  rs256("PKCS#1", String(rsa.publicKey.export({ type: "pkcs1", format: "pem" }))),
  rs256("two PEM blocks", STRONG_KEY.publicKey + STRONG_KEY.publicKey),
  rs256("text around the block", `ssh-rsa ${STRONG_KEY.publicKey}`),
  {
    attack: "an RSA key registered for ES256",
    publicKey: STRONG_KEY.publicKey,
    algorithm: "ES256",
  },
];

/** Ed25519's neutral point: for this key the signature below holds for every message. */
const NEUTRAL_POINT = Uint8Array.of(1, ...new Uint8Array(31));
const neutralSpki = Buffer.concat([
  ed25519.publicKey.export({ type: "spki", format: "der" }).subarray(0, -32),
  NEUTRAL_POINT,
]);
/** R is the neutral point and S is 0 (RFC 8032 §5.1.7: 0·B = R + h·A). */
export const UNIVERSAL_SIGNATURE = Uint8Array.of(...NEUTRAL_POINT, ...new Uint8Array(32));
export const NEUTRAL_KID = createHash("sha256").update(neutralSpki).digest("base64url");

/** An issuer with a good Ed25519 key, which is given a key of the neutral point beside it. */
export const planted = new TokenForge({
  issuer: "planted",
  algorithm: "EdDSA",
  kid: createHash("sha256").update(ed25519.publicKey.export({ type: "spki", format: "der" }))
    .digest("base64url"),
  publicKey: pem(ed25519.publicKey),
  privateKey: String(ed25519.privateKey.export({ type: "pkcs8", format: "pem" })),
}, { sub: "press-1", role: "widgets_writer" });

/**
 * The database takes the neutral point, since it judges the form of a key; the verifier must not.
 */
export async function plantNeutralPoint({ sql }: Stage): Promise<void> {
  await sql`
    insert into public.jwt_issuers (issuer, allowed_roles) values ('planted', '{widgets_writer}')`;
  for (const key of [planted.material.publicKey, block("PUBLIC KEY", neutralSpki)]) {
    await sql`
      insert into public.jwt_public_keys (issuer, public_key, algorithm)
      values ('planted', ${key}, 'EdDSA')`;
  }
}
