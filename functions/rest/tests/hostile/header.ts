import { createHmac, createPublicKey, generateKeyPairSync } from "node:crypto";
import { signWith } from "@countersign/fixture";
import { type HostileCase, tokenAttack } from "./hostile_case.ts";

const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 });
const strangerJwk = stranger.publicKey.export({ format: "jwk" });
const byStranger = (input: string) => signWith(stranger.privateKey, "RS256", input);

const algorithms: HostileCase[] = [
  ...["none", "None", "nOnE"].flatMap((alg) => [
    tokenAttack(`alg ${alg} without a signature`, "malformed", {
      header: { alg },
      signature: () => "",
    }),
    tokenAttack(`alg ${alg} with a signature of something`, "header_not_allowed", {
      header: { alg },
      signature: () => random(256),
    }),
  ]),
  tokenAttack("alg missing", "header_not_allowed", { header: { alg: undefined } }),
  tokenAttack("alg an array", "header_not_allowed", { header: { alg: ["RS256"] } }),
  tokenAttack("alg a number", "header_not_allowed", { header: { alg: 256 } }),
  tokenAttack("alg null", "header_not_allowed", { header: { alg: null } }),
  tokenAttack("alg of an object's prototype", "header_not_allowed", {
    header: { alg: "constructor" },
  }),
  tokenAttack("HS256 keyed with the registered PEM text", "header_not_allowed", (stage) => ({
    header: { alg: "HS256" },
    signature: (input) =>
      createHmac("sha256", stage.warehouse.material.publicKey).update(input).digest(),
  })),
  tokenAttack("HS256 keyed with the DER of the registered key", "header_not_allowed", (stage) => ({
    header: { alg: "HS256" },
    signature: (input) => {
      const der = createPublicKey(stage.warehouse.material.publicKey)
        .export({ type: "spki", format: "der" });
      return createHmac("sha256", der).update(input).digest();
    },
  })),
  tokenAttack("HS256 without kid, keyed with the registered PEM text", "header_not_allowed", (
    stage,
  ) => ({
    header: { alg: "HS256", kid: undefined },
    signature: (input) =>
      createHmac("sha256", stage.warehouse.material.publicKey).update(input).digest(),
  }), { twin: { header: { kid: undefined } } }),
  ...(["RS384", "RS512", "PS256"] as const).map((alg) =>
    tokenAttack(`${alg} truly signed with a key registered for RS256`, "algorithm_mismatch", (
      stage,
    ) => ({ header: { alg }, signature: (input) => stage.warehouse.sign(input, alg) }))
  ),
];

const parameters: HostileCase[] = [
  tokenAttack("crit names an unknown extension", "header_not_allowed", {
    header: { crit: ["exp"], exp: 1 },
  }),
  tokenAttack("crit empty", "header_not_allowed", { header: { crit: [] } }),
  tokenAttack("crit twice", "malformed", {
    headerText: (honest) => honest.replace("{", '{"crit":["a"],"crit":["b"],'),
  }),
  tokenAttack("b64 false", "header_not_allowed", { header: { b64: false } }),
  tokenAttack("b64 true", "header_not_allowed", { header: { b64: true } }),
  tokenAttack("embedded jwk, signed with it", "header_not_allowed", {
    header: { jwk: strangerJwk },
    signature: byStranger,
  }),
  tokenAttack("jku leads to the attacker", "header_not_allowed", {
    header: { jku: "https://attacker.example/jwks.json" },
    signature: byStranger,
  }),
  tokenAttack("x5u leads to the attacker", "header_not_allowed", {
    header: { x5u: "https://attacker.example/cert.pem" },
    signature: byStranger,
  }),
  tokenAttack("x5c holds the attacker's certificate", "header_not_allowed", {
    header: { x5c: ["MIIB"] },
    signature: byStranger,
  }),
  ...["JWE", "secevent+jwt", "JOSE+JSON", ""].map((typ) =>
    tokenAttack(`typ "${typ}"`, "header_not_allowed", { header: { typ } }, {
      twin: { header: { typ: "at+jwt" } },
    })
  ),
  tokenAttack("typ a number", "header_not_allowed", { header: { typ: 1 } }, {
    twin: { header: { typ: undefined } },
  }),
  tokenAttack("alg twice", "malformed", {
    headerText: (honest) => honest.replace("{", '{"alg":"none",'),
  }),
  tokenAttack("alg twice, once spelled with an escape", "malformed", {
    headerText: (honest) => honest.replace("{", '{"\\u0061lg":"none",'),
  }),
  tokenAttack("kid twice", "malformed", {
    headerText: (honest) => honest.replace("{", '{"kid":"other",'),
  }),
  tokenAttack("a JWE of five parts", "malformed", {
    whole: (header, payload, signature) => `${header}.${payload}.${signature}.AAAA.AAAA`,
  }),
];

const kids: HostileCase[] = [
  ...[
    "' OR 1=1 --",
    "../../../../dev/null",
    "https://attacker.example/key",
    "__proto__",
    "constructor",
    "*",
  ].map((kid) => tokenAttack(`kid ${kid}`, "unknown_key", { header: { kid } })),
  tokenAttack("kid of 8 KB", "token_too_large", { header: { kid: "k".repeat(8_192) } }),
  tokenAttack("kid empty", "unknown_key", { header: { kid: "" } }),
  tokenAttack("kid a number", "malformed", { header: { kid: 1 } }),
  tokenAttack("kid null", "malformed", { header: { kid: null } }),
  tokenAttack("kid an array that holds the real one", "malformed", (stage) => ({
    header: { kid: [stage.warehouse.material.kid] },
  })),
  tokenAttack("kid in another case", "unknown_key", (stage) => ({
    header: { kid: stage.warehouse.material.kid.toLowerCase() },
  })),
  tokenAttack("kid of another issuer's key, signed with it", "unknown_key", (stage) => ({
    header: { kid: stage.billing.material.kid, alg: "ES256" },
    signature: (input) => stage.billing.sign(input),
  })),
  tokenAttack("kid of a revoked key, signed with it", "revoked_key", (stage) => ({
    header: { kid: stage.revokedKey.material.kid },
    signature: (input) => stage.revokedKey.sign(input),
  })),
  tokenAttack("no kid, signed with a revoked key", "bad_signature", (stage) => ({
    header: { kid: undefined },
    signature: (input) => stage.revokedKey.sign(input),
  }), { twin: { header: { kid: undefined } } }),
  tokenAttack("kid of a standby key, signed with it", "key_not_current", (stage) => ({
    header: { kid: stage.standbyKey.material.kid },
    signature: (input) => stage.standbyKey.sign(input),
  })),
  tokenAttack("kid of a retired key, signed with it", "key_not_current", (stage) => ({
    header: { kid: stage.retiredKey.material.kid },
    signature: (input) => stage.retiredKey.sign(input),
  })),
  tokenAttack("real kid, signed with a stranger's key", "bad_signature", {
    signature: byStranger,
  }),
];

export const HEADER: readonly HostileCase[] = [...algorithms, ...parameters, ...kids];
