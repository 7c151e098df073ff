import assert from "node:assert/strict";
import { OUTPUT_SCHEMAS } from "./output/output_schemas.ts";
import type { Command } from "commander";
import { createProgram } from "./program.ts";
import { assertFailed, cli } from "./fixtures/cli.ts";

const TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmF0dXJl";
const SECRET = "sb_secret_0123456789abcdefghijklmnopqrstuv";

for (
  const [what, args] of [
    ["in an unknown option", ["list", `--service=${SECRET}`]],
    ["as an argument too many", ["list", TOKEN]],
    ["as a command", [TOKEN]],
    ["as a choice", ["keygen", "--issuer", "a", "--algorithm", SECRET]],
    ["as a number", [
      "audit",
      "--limit",
      SECRET,
      "--target",
      "https://x.co",
      "--service-role",
      "k",
    ]],
    ["as a duration", ["rotate", "--issuer", "a", "--public-key", "-", "--overlap", SECRET]],
    ["as claims", ["mint", "--issuer", "a", "--claims", TOKEN]],
    ["as a URL", ["list", "--target", SECRET, "--service-role", SECRET]],
    ["as a database's URL", ["guard", "status", "--database-url", `postgres ${SECRET}`]],
    ["as a key's id", [
      "revoke",
      "--kid",
      TOKEN,
      "--target",
      "https://x.co",
      "--service-role",
      "k",
    ]],
  ] as const
) {
  Deno.test(`runCli() does not repeat a secret that was given ${what}`, async () => {
    const outcome = await cli(args);
    assertFailed(outcome, 2, /^error: /);
    assert(!outcome.stderr.includes(SECRET) && !outcome.stderr.includes(TOKEN), outcome.stderr);
  });
}

for (
  const [args, message] of [
    [["bogus"], /Unknown command 'bogus'/],
    [["lists"], /Did you mean list/],
    [["list", "--frob"], /Unknown option '--frob'/],
    [["dev", "--port", "99999"], /Expected --port to be from 0 to 65535/],
    [["list", "extra"], /Expected 0 arguments but got 1/],
    [["keygen"], /Required option '--issuer <name>' not specified/],
    [["keygen", "--issuer"], /argument missing/],
    [["keygen", "--issuer", "a", "--algorithm", "none"], /Allowed choices are RS256/],
    [["keygen", "--issuer", " "], /--issuer to be a name/],
    [["keygen", "--issuer", "a", "--target", "prod-abc123"], /--target to be a URL/],
    [["mint", "--issuer", "a", "--claims", "{}"], /COUNTERSIGN_PRIVATE_KEY/],
    [["mint", "--private-key", "-", "--issuer", "a", "--claims", "{"], /--claims to be JSON/],
    [["mint", "--private-key", "-", "--issuer", "a", "--claims", "[]"], /a JSON object/],
    [["mint", "--private-key", "-", "--issuer", "a", "--claims", "{}"], /"sub"/],
    [["list"], /--target <url> with a service key, or --database-url/],
    [["list", "--target", "https://x.supabase.co"], /SUPABASE_SERVICE_ROLE_KEY/],
    [["list", "--service-role", "k"], /--target/],
    [["list", "--target", "https://x.co", "--database-url", "postgres://h/d"], /found both/],
    [["list", "--service-role", "k", "--database-url", "postgres://h/d"], /found both/],
    [["list", "--target", "nonsense", "--service-role", "k"], /project's URL/],
    [["list", "--database-url", "nonsense"], /a connection URL/],
    [["activate", "--target", "https://x.co"], /--issuer or --kid/],
    [["activate", "--issuer", "a", "--kid", "b"], /--issuer or --kid/],
    [["policy", "set", "--issuer", "a"], /at least one field to set/],
    [["policy", "set", "--issuer", "a", "--mode", "off"], /Allowed choices/],
    [
      ["policy", "set", "--issuer", "a", "--max-lifetime", "soon"],
      /--max-lifetime to be a duration/,
    ],
    [
      ["policy", "set", "--issuer", "a", "--reject-issued-before", "2027-01-31T12:00"],
      /a time like/,
    ],
    [["guard", "enable"], /COUNTERSIGN_ADMIN_DB_URL/],
    [["explain"], /a token/],
    [["dev", "--port", "http"], /--port to be a whole number/],
    [["serve"], /SUPABASE_URL/],
  ] as const
) {
  Deno.test(`runCli() exits with 2 and one line for: ${args.join(" ")}`, async () => {
    assertFailed(await cli(args), 2, message);
  });
}

Deno.test("runCli() exits with 1 for a file that is not there, and names it", async () => {
  const world = { env: { SUPABASE_URL: "https://x.co", SUPABASE_SERVICE_ROLE_KEY: "k" } };
  const args = ["register", "--issuer", "a", "--public-key", "./missing.pub"];
  assertFailed(await cli(args, world), 1, /"\.\/missing\.pub": no such file or folder/);
});

Deno.test("runCli() exits with 1 for a target that is not there", async () => {
  const world = { env: { SUPABASE_URL: "https://x.co", SUPABASE_SERVICE_ROLE_KEY: "k" } };
  assertFailed(await cli(["list"], world), 1, /"x\.co".*\(unreachable\)/);
});

Deno.test("runCli() tells errors as JSON with --json", async () => {
  const { code, stdout, stderr } = await cli(["list", "--json"]);
  assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
  const { error } = JSON.parse(stderr);
  assert.equal(error.code, "usage");
  assert.match(error.message, /^Expected --target/);
});

Deno.test("runCli() shows the stack trace of a defect only when it is asked to", async () => {
  const now = () => {
    throw new Error("a defect");
  };
  const env = { SUPABASE_URL: "https://x.co", SUPABASE_SERVICE_ROLE_KEY: "k" };
  assertFailed(await cli(["list"], { env, now }), 1, /COUNTERSIGN_DEBUG=1/);
  const { stderr } = await cli(["list"], { env: { ...env, COUNTERSIGN_DEBUG: "1" }, now });
  assert.match(stderr, /a defect\n {4}at /);
});

Deno.test("runCli() names the variable of a certificate that cannot be read", async () => {
  const env = { COUNTERSIGN_ADMIN_DB_URL: "postgres://x", COUNTERSIGN_DB_CA: "./missing.pem" };
  assertFailed(
    await cli(["list"], { env }),
    1,
    /Cannot read COUNTERSIGN_DB_CA from "\.\/missing\.pem": no such file or folder/,
  );
});

Deno.test("runCli() colors only where a terminal wants it", async () => {
  const error = async (terminal: boolean, env: Record<string, string>) =>
    (await cli(["mint"], { env, terminal: { stdout: terminal, stderr: terminal } })).stderr
      .startsWith("\x1b[31merror:\x1b[0m ");
  assert.equal(await error(true, {}), true);
  assert.equal(await error(true, { NO_COLOR: "1" }), false);
  assert.equal(await error(true, { TERM: "dumb" }), false);
  assert.equal(await error(false, {}), false);
  assert.equal(await error(false, { FORCE_COLOR: "1" }), true);
  assert.equal(await error(true, { FORCE_COLOR: "1", NO_COLOR: "1" }), false);
});

Deno.test("runCli() reads standard input once", async () => {
  const args = ["register", "--target", "https://x.co", "--issuer", "a"];
  const both = [...args, "--service-role", "-", "--public-key", "-"];
  assertFailed(await cli(both, { stdin: "k" }), 2, /at most one value from standard input/);
});

Deno.test("runCli() helps for every command, with an example", async () => {
  const program = createProgram({
    env: {},
    stdout: () => {},
    stderr: () => {},
    stdin: () => Promise.resolve(""),
    terminal: { stdout: false, stderr: false },
    now: Date.now,
    fetch,
    interrupted: () => Promise.resolve(),
  });
  const leaves = (command: Command, path: readonly string[]): string[][] =>
    command.commands.length === 0
      ? [[...path]]
      : command.commands.flatMap((sub) => leaves(sub, [...path, sub.name()]));
  const commands = leaves(program, []);
  assert(commands.length >= 23);
  for (const path of commands) {
    const { code, stdout, stderr } = await cli([...path, "--help"]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.match(stdout, /\nExample:\n {2}\$ /, path.join(" "));
    assert.match(stdout, / --json /, path.join(" "));
    assert(path.join(" ") in OUTPUT_SCHEMAS, `${path.join(" ")} has no schema in output/`);
    assert(stdout.split("\n").every((line) => line.length <= 100), path.join(" "));
  }
});

Deno.test("runCli() prints its version", async () => {
  const { code, stdout } = await cli(["--version"]);
  assert.equal(code, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

Deno.test("runCli() shows the help and exits with 2 when no command is named", async () => {
  for (const args of [[], ["guard"], ["policy"]]) {
    const { code, stdout, stderr } = await cli(args);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
    assert.match(stderr, /^Usage: countersign/);
  }
});
