import type { Command, Option } from "commander";
import fc from "fast-check";
import assert from "node:assert/strict";
import { join } from "node:path";
import { cli } from "./fixtures/cli.ts";
import { createProgram } from "./program.ts";

/** What people type, paste and leave behind, and what nobody would. */
const VALUES = [
  "",
  " ",
  "-",
  "--",
  "--help",
  "\0",
  "a\nb",
  "\u{1f4a5}",
  "\ud800",
  "\u202e",
  "x".repeat(5_000),
  "../../etc/passwd",
  "/dev/null",
  "/",
  "/nowhere/at/all",
  ".",
  "0",
  "1",
  "-1",
  "99999",
  "1e9",
  "NaN",
  "9".repeat(400),
  "1h",
  "5 minutes",
  "now",
  "2027-02-30T00:00:00Z",
  "{}",
  "[]",
  "null",
  '{"sub": "x"}',
  '{"__proto__": {"a": 1}, "sub": 1}',
  "%",
  "%zz",
  "http://",
  "http://127.0.0.1:1",
  "https://[::1]:1",
  "https://user:pw@x.invalid/rest/v1?x#y",
  "ftp://x.invalid",
  "postgres://",
  "postgres://u:p@127.0.0.1:1/x",
  "postgres://u:p@[::1]:1/x?sslmode=require",
  "postgres://u:p%zz@127.0.0.1:1/x",
  "postgres://u@127.0.0.1:99999/x?sslmode=nonsense",
  "sb_secret_x",
  "sb_publishable_x",
  "a.b.c",
  "Bearer eyJhbGciOiJub25lIn0.e30.",
  "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
  "-----BEGIN PUBLIC KEY-----",
  "RS256",
  "toString",
  "__proto__",
] as const;

const VARIABLES = [
  "SUPABASE_URL",
  "SUPABASE_ANON_KEY",
  "SUPABASE_PUBLISHABLE_KEY",
  "SUPABASE_SERVICE_ROLE_KEY",
  "COUNTERSIGN_SERVICE_KEY",
  "COUNTERSIGN_ADMIN_DB_URL",
  "COUNTERSIGN_DB_URL",
  "COUNTERSIGN_DB_CA",
  "COUNTERSIGN_AUDIENCE",
  "COUNTERSIGN_ALLOWED_ISSUERS",
  "COUNTERSIGN_PRIVATE_KEY",
  "COUNTERSIGN_JWT_SECRET",
  "COUNTERSIGN_SIGNING_JWK",
  "PORT",
  "NO_COLOR",
  "TERM",
] as const;

interface Leaf {
  readonly path: readonly string[];
  readonly options: readonly Option[];
  readonly takesArgument: boolean;
}

function leaves(command: Command, path: readonly string[] = []): Leaf[] {
  if (command.commands.length > 0) {
    return command.commands.flatMap((sub) => leaves(sub, [...path, sub.name()]));
  }
  const { options, registeredArguments } = command;
  return [{ path, options, takesArgument: registeredArguments.length > 0 }];
}

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

const value = fc.constantFrom(...VALUES);

/** A command line: every mandatory option, some of the others, and a value for each. */
function commandLine({ path, options, takesArgument }: Leaf, folder: string) {
  const parts = options.map((option) =>
    fc.tuple(fc.boolean(), value).map(([isGiven, value]): string[] => {
      const { long, mandatory, required, argChoices } = option;
      // Nothing of a test may end up outside of its folder.
      if (long === "--out" || long === "--dir") return [`${long}=${folder}`];
      if (!long || !isGiven && !mandatory) return [];
      return required
        ? [`${long}=${argChoices?.[value.length % argChoices.length] ?? value}`]
        : [long];
    })
  );
  const argument = takesArgument ? value.map((value) => [value]) : fc.constant([]);
  return fc.tuple(argument, ...parts).map((parts) => [...path, ...parts.flat()]);
}

const environment = fc.dictionary(fc.constantFrom(...VARIABLES), value, { maxKeys: 5 });

/** What a person has to be told, and how: one sentence with a code, no trace and no secret. */
function assertWell(stderr: string, line: string): void {
  assert.doesNotMatch(stderr, /Internal error|unexpected\)|\bat .*:\d+:\d+|AAAA/, line);
  for (const said of stderr.split("\n").filter(Boolean)) {
    assert.match(said, /^(error: .* \([a-z_]+\)|warning: .*|\{.*\}| {2}.*)$/, line);
  }
}

for (const leaf of leaves(program)) {
  Deno.test(`countersign ${leaf.path.join(" ")} ends with a sentence, whatever it is given`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await fc.assert(
        fc.asyncProperty(
          commandLine(leaf, join(folder, "out")),
          environment,
          value,
          async (args, env, stdin) => {
            const { code, stderr } = await cli(args, {
              env,
              stdin,
              fetch: () => Promise.reject(new TypeError("no network in this test")),
              interrupt: () => Promise.resolve(),
            });
            assert([0, 1, 2].includes(code));
            assertWell(stderr, JSON.stringify({ args, env, stdin }));
          },
        ),
        { numRuns: 60, seed: 20_261_127 },
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("countersign ends with a sentence for command lines that are no command", async () => {
  for (const first of [...VALUES, "register", "guard", "policy"]) {
    for (const second of VALUES) {
      const { code, stderr } = await cli([first, second]);
      assert([0, 1, 2].includes(code));
      assertWell(stderr.replace(/^Usage:[^]*/, ""), JSON.stringify([first, second]));
    }
  }
});
