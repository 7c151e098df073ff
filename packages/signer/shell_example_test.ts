/** The shell script of docs/how-to/sign-from-other-languages.md, as it stands there. */
import { keyId, memoryKeySource, verifyMultiIssuerJwt } from "@countersign/verifier";
import assert from "node:assert/strict";
import { generateIssuerKeyPair } from "./key/key_pair.ts";

const DOCUMENT = new URL("../../docs/how-to/sign-from-other-languages.md", import.meta.url);
const ARGUMENTS = ["billing.key", "billing", "job-42", "invoices_writer", "prod-abc123"];

interface Shell extends AsyncDisposable {
  readonly folder: string;
  /** Runs the script; what it prints, or its exit code and complaint. */
  sign(...args: string[]): Promise<string | { code: number; complaint: string }>;
}

async function openShell(): Promise<Shell> {
  const document = await Deno.readTextFile(DOCUMENT);
  const block = (pattern: RegExp) => {
    const text = pattern.exec(document)?.[1];
    assert.ok(text !== undefined, `Expected a block that matches ${pattern}`);
    return text;
  };
  const folder = await Deno.makeTempDir();
  const run = async (...args: string[]) => {
    const command = new Deno.Command("bash", { args, cwd: folder, stdin: "null" });
    const { code, stdout, stderr } = await command.output();
    const text = new TextDecoder();
    if (code === 0) return text.decode(stdout);
    return { code, complaint: text.decode(stderr) };
  };
  await Deno.writeTextFile(`${folder}/sign`, block(/```bash\n(#!\/usr\/bin\/env bash\n.*?)```/s));
  const made = await run("-euc", block(/```sh\n(openssl genpkey.*?)```/s));
  assert.equal(typeof made, "string", JSON.stringify(made));
  return {
    folder,
    sign: (...args) => run("sign", ...args),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function verify(token: string, shell: Shell) {
  const publicKey = await Deno.readTextFile(`${shell.folder}/billing.pub`);
  const kid = await keyId(publicKey);
  const keySource = memoryKeySource([{
    issuer: "billing",
    isActive: true,
    policy: {
      allowedRoles: ["invoices_writer"],
      defaultRole: null,
      allowedSubjects: ["job-*"],
      allowUserSubjects: false,
      allowedClaims: [],
      audiences: ["prod-abc123"],
      maxTokenLifetime: 60,
      rejectIssuedBefore: null,
      singleUse: true,
      mode: "enforce",
    },
    keys: [{ kid, algorithm: "RS256", publicKey, notBefore: null, notAfter: null }],
    revokedKids: [],
  }]);
  return await verifyMultiIssuerJwt(token, { keySource });
}

Deno.test("the shell example signs what a strict policy accepts, with the kid that the registry computes", async () => {
  await using shell = await openShell();
  const printed = await shell.sign(...ARGUMENTS);
  assert.ok(typeof printed === "string", JSON.stringify(printed));
  const { claims, matchedKey } = await verify(printed.trimEnd(), shell);
  const { iss, sub, role, aud, iat, exp } = claims;
  assert.deepEqual([iss, sub, role, aud, exp - iat], [...ARGUMENTS.slice(1), 60]);
  const header = JSON.parse(atob(printed.split(".")[0]!));
  assert.deepEqual(header, { alg: "RS256", typ: "JWT", kid: matchedKey.kid });
});

Deno.test("the shell example refuses a name that would write into the JSON", async () => {
  await using shell = await openShell();
  for (const name of ["", 'job-42","role":"service_role', "job-42\\", "job-42\n", "job 42"]) {
    const refused = await shell.sign(...ARGUMENTS.with(2, name));
    assert.deepEqual(refused, {
      code: 2,
      complaint: "Expected names of letters, digits and . _ : / @ -\n",
    });
  }
});

Deno.test("the shell example refuses a key that RS256 can't be made with", async () => {
  await using shell = await openShell();
  const { privateKey } = await generateIssuerKeyPair({ algorithm: "ES256" });
  await Deno.writeTextFile(`${shell.folder}/ec.key`, privateKey);
  const refused = await shell.sign(...ARGUMENTS.with(0, "ec.key"));
  assert.deepEqual(refused, { code: 2, complaint: "Expected an RSA private key\n" });
});

Deno.test("the shell example prints no token without its key", async () => {
  await using shell = await openShell();
  const refused = await shell.sign(...ARGUMENTS.with(0, "missing.key"));
  assert.ok(typeof refused !== "string");
});
