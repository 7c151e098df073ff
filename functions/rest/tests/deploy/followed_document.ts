/**
 * A document that is followed to the letter: its commands, extracted and run in a reader's shell against a target on
 * this machine.
 */
import type { LocalTarget } from "@countersign/local-target";
import assert from "node:assert/strict";
import postgres from "postgres";

/** The top of the repository. */
export const ROOT = new URL("../../../..", import.meta.url).pathname.replace(/\/$/, "");

/** What stands in for programs that a bare machine does not have, or that need an account. */
const STAND_INS = `
shopt -s expand_aliases
npx() { [ "$1 $2" = "-y deno@2.9.6" ]; "$DENO" "$3" --config "$ROOT/deno.json" "\${@:4}"; }
psql() { printf '%s' "$1" > psql.url; cat > psql.sql; }
supabase() { echo "$*" >> supabase.txt; }
curl() { "$DENO" run -A --no-config "$ROOT/functions/rest/tests/deploy/curl.ts" "$@"; }
if [ -f state.sh ]; then . ./state.sh; fi
trap 'if [ -n "\${TOKEN:-}" ]; then declare -p TOKEN > state.sh; fi' EXIT
`;

/** A document's code, by the heading above it. */
export class FollowedDocument {
  readonly text: string;

  constructor(path: string) {
    this.text = Deno.readTextFileSync(`${ROOT}/${path}`);
  }

  /** The blocks of code below a heading, up to the next one. */
  blocks(heading: string, language: string): string[] {
    const start = this.text.indexOf(`${heading}\n`);
    assert.ok(start >= 0, `the document has a heading "${heading}"`);
    const below = this.text.slice(start + heading.length);
    const section = below.slice(0, /\n#{2,3} /.exec(below)?.index);
    return [...section.matchAll(/^```(\w+)[^\n]*\n([\s\S]*?)^```$/gm)]
      .filter(([, found]) => found === language)
      .map(([, , code = ""]) => code);
  }

  /** The one block of a language below a heading. */
  block(heading: string, language: string): string {
    const found = this.blocks(heading, language);
    assert.equal(found.length, 1, `${heading}: blocks of ${language}`);
    return found[0]!;
  }
}

/** A reader's shell, in a folder of its own: the variables that the document exports, and its alias. */
export class Reader implements AsyncDisposable {
  readonly #folder: string;
  readonly #env: Record<string, string>;
  readonly #alias: string;

  private constructor(folder: string, env: Record<string, string>, alias: string) {
    this.#folder = folder;
    this.#env = env;
    this.#alias = alias;
  }

  /** Opens the shell of someone who uses a target, with the command that the document defines. */
  static async open(target: LocalTarget, document: FollowedDocument): Promise<Reader> {
    const alias = /^alias countersign=.*$/m.exec(document.text)?.[0];
    assert.ok(alias !== undefined, "the document defines the command");
    const env = {
      SUPABASE_URL: target.url,
      SUPABASE_PUBLISHABLE_KEY: target.publishableKey,
      SUPABASE_SERVICE_ROLE_KEY: target.secretKey,
      COUNTERSIGN_ADMIN_DB_URL: target.databaseUrl,
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
    const script = `cd "$ROOT"\n${this.#alias}\ncd "${this.#folder}"\n${commands}`;
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["-euc", `cd "${this.#folder}"\n${STAND_INS}${script}`],
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

  /** Runs commands that hand SQL to psql, then the SQL, and waits until PostgREST has seen its tables. */
  async psql(commands: string, target: LocalTarget): Promise<void> {
    await this.succeeds(commands);
    assert.equal(await this.read("psql.url"), target.databaseUrl);
    await runSql(target.databaseUrl, await this.read("psql.sql"));
    await target.reloadSchema();
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

/** Runs SQL as a document has it. */
export async function runSql(databaseUrl: string, text: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(text);
  } finally {
    await sql.end();
  }
}
