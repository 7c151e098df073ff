/**
 * The npm package as an issuer would install it: packed, into an empty project, on every runtime that the
 * README names.
 *
 * The runtimes come from npm too, pinned. Only Linux has all of them there; elsewhere this fails.
 */
import { startWorkerd } from "@countersign/fixture";
import { memoryKeySource, verifyMultiIssuerJwt } from "@countersign/verifier";
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { generateKeyPairSync } from "node:crypto";
import type { Algorithm } from "./types.ts";

const arm = Deno.build.arch === "aarch64";
const INSTALLED = {
  node20: `npm:node-linux-${arm ? "arm64" : "x64"}@20.20.2`,
  node22: `npm:node-linux-${arm ? "arm64" : "x64"}@22.23.3`,
  bun: `npm:@oven/bun-linux-${arm ? "aarch64" : "x64"}@1.4.5`,
  workerd: `npm:@cloudflare/workerd-linux-${arm ? "arm64" : "64"}@1.20261117.1`,
  typescript: "5.9.3",
  "@types/node": "20.19.25",
};

/** What every runtime runs: Web APIs and the package alone. */
const EXERCISE = `
import { createTokenSource, generateIssuerKeyPair, keyId, signMultiIssuerJwt } from "@countersign/signer";
import unusable from "./unusable.mjs";

const ALGORITHMS = {
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  RS384: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-384" },
  RS512: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-512" },
  PS256: { name: "RSA-PSS", hash: "SHA-256" },
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  ES384: { name: "ECDSA", namedCurve: "P-384" },
  EdDSA: { name: "Ed25519" },
};

// Outside a request, where Workers forbid to await, to set timers and to make random numbers.
const sourceAtModuleScope = createTokenSource({
  privateKey: unusable.sound,
  issuer: "my-service",
  audience: "target",
  claims: { sub: "job-1" },
});

export async function exercise() {
  await sourceAtModuleScope();
  const signed = [];
  for (const [algorithm, params] of Object.entries(ALGORITHMS)) {
    const { privateKey: pem, publicKey, kid } = await generateIssuerKeyPair({ algorithm });
    const der = Uint8Array.from(atob(pem.replace(/-----[^-]+-----|\\s/g, "")), (c) => c.charCodeAt(0));
    const cryptoKey = await crypto.subtle.importKey("pkcs8", der, params, true, ["sign"]);
    const jwk = await crypto.subtle.exportKey("jwk", cryptoKey);
    const claims = { sub: "job-1", role: "writer" };
    const options = { algorithm, issuer: "my-service", audience: "target", claims };
    const tokens = [];
    for (const privateKey of [pem, jwk, cryptoKey]) {
      tokens.push(await signMultiIssuerJwt({ ...options, privateKey }));
      tokens.push(await createTokenSource({ ...options, privateKey })());
    }
    const kids = [await keyId(pem), await keyId(jwk), await keyId(publicKey)];
    signed.push({ algorithm, publicKey, kid, kids, tokens });
  }
  const codes = {};
  for (const [name, privateKey] of Object.entries(unusable)) {
    const signing = signMultiIssuerJwt({ privateKey, issuer: "my-service", claims: { sub: "job-1" } });
    codes[name] = await signing.then(() => "signed", (error) => error.code ?? String(error));
  }
  return { signed, codes };
}
`;

const TYPES = `
import { createTokenSource, generateIssuerKeyPair, SignerError, signMultiIssuerJwt } from "@countersign/signer";
import type { Algorithm, IssuerKeyPair } from "@countersign/signer";

const algorithm: Algorithm = "ES256";
const pair: IssuerKeyPair = await generateIssuerKeyPair({ algorithm });
const options = { privateKey: pair.privateKey, issuer: "my-service", claims: { sub: "job-1" } };
export const token: string = await signMultiIssuerJwt(options);
export const source: () => Promise<string> = createTokenSource({ ...options, audience: "target" });
export const isOurs = (error: unknown): boolean => error instanceof SignerError && error.code === "weak_key";
// @ts-expect-error A token without a subject.
await signMultiIssuerJwt({ ...options, claims: {} });
// @ts-expect-error An algorithm that no key may have.
await generateIssuerKeyPair({ algorithm: "HS256" });
`;

const WORKERD = `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "worker", esModule = embed "worker.bundle.mjs")],
    compatibilityDate = "2026-11-01",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;

interface Exercised {
  signed: {
    algorithm: Algorithm;
    publicKey: string;
    kid: string;
    kids: string[];
    tokens: string[];
  }[];
  codes: Record<string, string>;
}

async function run(cwd: string | URL, command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd, stdin: "null" })
    .output();
  const text = new TextDecoder();
  assert.ok(success, `${command} ${args.join(" ")}\n${text.decode(stderr)}${text.decode(stdout)}`);
  return text.decode(stdout);
}

/** Keys that no runtime may sign with, and the code that says why. */
function unusableKeys(): Record<string, { key: unknown; code: string }> {
  const rsaPair = () => generateKeyPairSync("rsa", { modulusLength: 2048 });
  const rsa = rsaPair();
  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const pkcs8 = ec.export({ type: "pkcs8", format: "pem" }).toString();
  const encrypted = {
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase: "x",
  } as const;
  return {
    pkcs1: {
      key: rsa.privateKey.export({ type: "pkcs1", format: "pem" }),
      code: "wrong_key_format",
    },
    sec1: { key: ec.export({ type: "sec1", format: "pem" }), code: "wrong_key_format" },
    encrypted: { key: ec.export(encrypted), code: "encrypted_key" },
    publicKey: {
      key: rsa.publicKey.export({ type: "spki", format: "pem" }),
      code: "not_a_private_key",
    },
    weak: { key: weak.export({ type: "pkcs8", format: "pem" }), code: "weak_key" },
    weakJwk: { key: weak.export({ format: "jwk" }), code: "weak_key" },
    damaged: { key: pkcs8.replace(/.{20}\n-----END/, "\n-----END"), code: "invalid_key" },
    twoHalves: {
      key: {
        ...rsa.privateKey.export({ format: "jwk" }),
        ...rsaPair().publicKey.export({ format: "jwk" }),
      },
      code: "invalid_key",
    },
    sound: { key: pkcs8, code: "signed" },
  };
}

async function assertExercised(output: string, codes: Record<string, string>): Promise<void> {
  const exercised: Exercised = JSON.parse(output);
  assert.deepEqual(exercised.codes, codes);
  assert.equal(exercised.signed.length, 7);
  for (const { algorithm, publicKey, kid, kids, tokens } of exercised.signed) {
    assert.deepEqual(kids, [kid, kid, kid]);
    const keySource = memoryKeySource([{
      issuer: "my-service",
      isActive: true,
      policy: {
        allowedRoles: ["writer"],
        defaultRole: null,
        allowedSubjects: null,
        allowUserSubjects: false,
        allowedClaims: null,
        audiences: null,
        maxTokenLifetime: 300,
        rejectIssuedBefore: null,
        singleUse: false,
        mode: "enforce",
      },
      keys: [{ kid, algorithm, publicKey, notBefore: null, notAfter: null }],
      revokedKids: [],
    }]);
    assert.equal(tokens.length, 6);
    for (const token of tokens) {
      const result = await verifyMultiIssuerJwt(token, { keySource, audience: "target" });
      assert.deepEqual(result.matchedKey, {
        issuer: "my-service",
        algorithm,
        is_active: true,
        kid,
      });
    }
  }
}

/** Runs the worker as Cloudflare would, and asks it once. */
async function askWorker(folder: string, binary: string): Promise<string> {
  await using worker = await startWorkerd(binary, folder);
  const response = await fetch(worker.url);
  const body = await response.text();
  assert.equal(response.status, 200, body);
  return body;
}

Deno.test("the packed package, installed from npm", async (t) => {
  assert.equal(Deno.build.os, "linux", "The runtimes are packaged for Linux only");
  await using cleanup = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir();
  cleanup.defer(() => Deno.remove(folder, { recursive: true }));
  const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text);
  const unusable = Object.entries(unusableKeys());
  const codes = Object.fromEntries(unusable.map(([name, { code }]) => [name, code]));

  const packing = [
    "pack",
    "--no-source-maps",
    "--allow-dirty",
    "--quiet",
    "--output",
    `${folder}/signer.tgz`,
  ];
  await run(new URL(".", import.meta.url), Deno.execPath(), ...packing);
  await write(
    "package.json",
    JSON.stringify({
      private: true,
      type: "module",
      dependencies: { "@countersign/signer": "file:signer.tgz" },
      devDependencies: INSTALLED,
    }),
  );
  const quiet = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
  await run(folder, "npm", "install", "--ignore-scripts", ...quiet);

  const keys = Object.fromEntries(unusable.map(([name, { key }]) => [name, key]));
  await write("unusable.mjs", `export default ${JSON.stringify(keys)};`);
  await write("exercise.mjs", EXERCISE);
  await write(
    "main.mjs",
    'import { exercise } from "./exercise.mjs";\nconsole.log(JSON.stringify(await exercise()));\n',
  );
  await write(
    "worker.mjs",
    'import { exercise } from "./exercise.mjs";\n' +
      "export default { fetch: async () => Response.json(await exercise()) };\n",
  );
  await write("config.capnp", WORKERD);
  await write("types.ts", TYPES);

  await t.step("brings jose along, and nothing else", async () => {
    interface Tree {
      dependencies?: Record<string, Tree>;
    }
    const names = ({ dependencies = {} }: Tree): unknown =>
      Object.fromEntries(Object.entries(dependencies).map(([name, of]) => [name, names(of)]));
    const tree: Tree = JSON.parse(await run(folder, "npm", "ls", "--omit=dev", "--all", "--json"));
    assert.deepEqual(names(tree), { "@countersign/signer": { jose: {} } });
  });

  await t.step("holds modules and their types, and is small", async () => {
    const packed = `${folder}/node_modules/@countersign/signer`;
    let size = 0;
    for (const name of await readdir(packed, { recursive: true })) {
      const { isDirectory, size: bytes } = await Deno.stat(`${packed}/${name}`);
      if (isDirectory) continue;
      assert.match(name, /^(package\.json|README\.md|(\w+\/)?\w+(\.js|\.d\.ts))$/);
      assert.doesNotMatch(name, /_(test|bench)\./);
      size += bytes;
    }
    const tarball = (await Deno.stat(`${folder}/signer.tgz`)).size;
    console.log(`@countersign/signer: ${tarball} bytes packed, ${size} unpacked`);
    assert.ok(size < 100_000);
  });

  const modules = `${folder}/node_modules`;
  const [node20, node22] = [`${modules}/node20/bin/node`, `${modules}/node22/bin/node`];
  const bun = `${modules}/bun/bin/bun`;
  for (const [name, binary] of [["Node", node20], ["Node", node22], ["Bun", bun]] as const) {
    const version = (await run(folder, binary, "--version")).trim();
    await t.step(`signs and refuses on ${name} ${version}`, async () => {
      await assertExercised(await run(folder, binary, "main.mjs"), codes);
    });
  }

  await t.step("signs and refuses on Workers", async () => {
    const bundling = ["build", "worker.mjs", "--target=browser", "--outfile=worker.bundle.mjs"];
    await run(folder, bun, ...bundling);
    await assertExercised(await askWorker(folder, `${modules}/workerd/bin/workerd`), codes);
  });

  for (
    const [where, options] of [
      ["Node", { module: "nodenext", lib: ["es2023"], types: ["node"] }],
      ["a bundler", { module: "esnext", moduleResolution: "bundler", types: [] }],
    ] as const
  ) {
    await t.step(
      `has types that TypeScript ${INSTALLED.typescript} takes, for ${where}`,
      async () => {
        const strict = { noEmit: true, strict: true, exactOptionalPropertyTypes: true };
        const compilerOptions = { ...strict, target: "es2022", ...options };
        await write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["types.ts"] }));
        await run(folder, node20, "node_modules/typescript/bin/tsc", "--project", ".");
      },
    );
  }
});
