/**
 * README.md, followed to the letter: its commands and its SQL, extracted from the document, against a target on this
 * machine. The registry is pushed by the real Supabase CLI.
 *
 * Does not run what needs an account: `supabase link`, `secrets set` and `functions deploy`, which the tests in
 * this folder run against a management API on loopback.
 */
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import { schemaDifferences } from "@countersign/registry-admin";
import { proxyOptionsFromEnv } from "@countersign/swap-proxy";
import assert from "node:assert/strict";
import postgres from "postgres";
import { supabase } from "./supabase_cli.ts";
import config from "../../../../deno.json" with { type: "json" };

const ROOT = new URL("../../../..", import.meta.url).pathname.replace(/\/$/, "");
const README = await Deno.readTextFile(`${ROOT}/README.md`);

/** What stands in for programs that a bare machine does not have, or that need an account. */
const STAND_INS = `
shopt -s expand_aliases
npx() { [ "$1 $2" = "-y deno@2.9.6" ]; "$DENO" "$3" --config "$ROOT/deno.json" "\${@:4}"; }
psql() { printf '%s' "$1" > psql.url; cat > psql.sql; }
supabase() { echo "$*" >> supabase.txt; }
`;

/** The blocks of code below a heading, up to the next heading. */
function blocks(heading: string): { language: string; code: string }[] {
  const start = README.indexOf(`${heading}\n`);
  assert.ok(start >= 0, `README.md has no heading "${heading}"`);
  const end = /\n#{2,3} /.exec(README.slice(start + heading.length));
  const section = README.slice(
    start,
    end === null ? undefined : start + heading.length + end.index,
  );
  return [...section.matchAll(/^```(\w+)[^\n]*\n([\s\S]*?)^```$/gm)]
    .map(([, language = "", code = ""]) => ({ language, code }));
}

function block(heading: string, language: string): string {
  const found = blocks(heading).filter((block) => block.language === language);
  assert.equal(found.length, 1, `${heading}: blocks of ${language}`);
  return found[0]!.code;
}

/** A reader's shell: where the clone is, what was exported, and the alias. */
class Reader implements AsyncDisposable {
  readonly #folder: string;
  readonly #env: Record<string, string>;
  readonly #alias: string;

  private constructor(folder: string, env: Record<string, string>, alias: string) {
    this.#folder = folder;
    this.#env = env;
    this.#alias = alias;
  }

  static async open(target: LocalTarget): Promise<Reader> {
    const setup = block("## Quickstart", "sh");
    const names = [...setup.matchAll(/^export (\w+)=/gm)].map(([, name]) => name!);
    const values: Record<string, string> = {
      SUPABASE_URL: target.url,
      SUPABASE_PUBLISHABLE_KEY: target.publishableKey,
      SUPABASE_SERVICE_ROLE_KEY: target.secretKey,
      COUNTERSIGN_ADMIN_DB_URL: target.databaseUrl,
    };
    assert.deepEqual(names, Object.keys(values), "the variables that the README sets");
    const alias = /^alias countersign=.*$/m.exec(setup)?.[0];
    assert.ok(alias !== undefined, "the README defines the command");
    const env = {
      ...values,
      ROOT,
      DENO: Deno.execPath(),
      PATH: Deno.env.get("PATH") ?? "",
      HOME: Deno.env.get("HOME") ?? "",
      NO_COLOR: "1",
    };
    return new Reader(await Deno.makeTempDir(), env, alias);
  }

  /** Runs commands as a reader would in the clone, where only the files that they write are apart. */
  async sh(commands: string): Promise<{ code: number; printed: string }> {
    const script = `${STAND_INS}cd "$ROOT"\n${this.#alias}\ncd "${this.#folder}"\n${commands}`;
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["-euc", script],
      env: this.#env,
      clearEnv: true,
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    return { code, printed: text.decode(stdout) + text.decode(stderr) };
  }

  /** Runs commands that have to succeed. */
  async succeeds(commands: string): Promise<string> {
    const { code, printed } = await this.sh(commands);
    assert.equal(code, 0, printed);
    return printed;
  }

  read(file: string): Promise<string> {
    return Deno.readTextFile(`${this.#folder}/${file}`);
  }

  write(file: string, text: string): Promise<void> {
    return Deno.writeTextFile(`${this.#folder}/${file}`, text);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.#folder, { recursive: true });
  }
}

Deno.test("the README's quickstart works when it is followed to the letter", async (t) => {
  await using target = await startLocalTarget({ migrations: false });
  await using reader = await Reader.open(target);

  await t.step("1. deploys with commands that the Supabase CLI and the function take", async () => {
    const heading = "### 1. Deploy the registry and the function";
    await reader.succeeds(block(heading, "sh").replace("…", target.jwtSecret));
    assert.deepEqual((await reader.read("supabase.txt")).trim().split("\n"), [
      "link --project-ref prod-abc123",
      "db push --remote",
      "secrets set --env-file countersign.env",
      "functions deploy rest --use-api",
    ]);
    const [name = "", value = ""] = (await reader.read("countersign.env")).trim().split("=");
    const options = proxyOptionsFromEnv({
      SUPABASE_URL: target.url,
      SUPABASE_DB_URL: target.databaseUrl,
      SUPABASE_ANON_KEY: target.anonKey,
      [name]: value,
    });
    await options.close();

    await supabase(ROOT, ["db", "push", `--remote=${target.databaseUrl}`, "--yes"]);
    assert.deepEqual(await schemaDifferences(target), []);
  });

  await t.step("2. creates the table", async () => {
    await reader.succeeds(block("### 2. Create a table whose rows belong to their issuer", "sh"));
    assert.equal(await reader.read("psql.url"), target.databaseUrl);
    const sql = postgres(target.databaseUrl, { max: 1, onnotice: () => {} });
    try {
      await sql.unsafe(await reader.read("psql.sql"));
    } finally {
      await sql.end();
    }
    await target.reloadSchema();
  });

  await t.step("3. registers the issuer, and the doctor finds no problem", async () => {
    const printed = await reader.succeeds(block("### 3. Register an issuer", "sh"));
    assert.match(printed, /problems: 0, warnings: 0, not checked: 0/);
  });

  const write = block("### 4. Write a row", "sh");
  await t.step("4. writes the row", async () => {
    await reader.write("write.ts", block("### 4. Write a row", "ts"));
    assert.equal(await reader.succeeds(write), block("### 4. Write a row", "text"));
  });

  await t.step("5. revokes the issuer, and what the README says of it is so", async () => {
    const revoke = block("### 5. Revoke it", "sh");
    assert.ok(revoke.endsWith(write));
    const { code, printed } = await reader.sh(revoke);
    assert.equal(code, 1, printed);
    assert.match(printed, /token_refused/);

    await reader.succeeds("countersign activate --issuer billing");
    assert.match(await reader.succeeds(write), /id: 2, owner: "billing", amount: 12/);
    const audit = await reader.succeeds("countersign audit");
    assert.equal(audit.match(/is_active/g)?.length, 2, audit);
  });

  await t.step("the statement at the top revokes", async () => {
    const sql = postgres(target.databaseUrl, { max: 1 });
    try {
      await sql.unsafe(block("# Countersign", "sql"));
    } finally {
      await sql.end();
    }
    const { code, printed } = await reader.sh(write);
    assert.equal(code, 1, printed);
    assert.match(printed, /token_refused/);
  });
});

Deno.test("the README names tasks that exist", () => {
  const tasks = [...README.matchAll(/deno@2\.9\.6 task (\w+)/g)].map(([, task]) => task!);
  assert.deepEqual([...new Set(tasks)].sort(), ["demo", "dev", "test"]);
  for (const task of tasks) assert.ok(task in config.tasks, task);
});
