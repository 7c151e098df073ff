/**
 * Writes `supabase/migrations/*.sql` into registry-admin as data, so that a published package can apply them.
 * With `--check` nothing is written: it fails when the data differs from the files.
 *
 * Cannot see: whether a migration works, or is idempotent. The tests of the database do.
 */
const FOLDER = new URL("../supabase/migrations/", import.meta.url);
const OUTPUT = new URL("../packages/registry-admin/database/migrations.ts", import.meta.url);

function generate(): string {
  const names = Array.from(Deno.readDirSync(FOLDER), ({ name }) => name)
    .filter((name) => name.endsWith(".sql"))
    .sort();
  const entries = names.map((name) => {
    const sql = Deno.readTextFileSync(new URL(name, FOLDER));
    return `  { name: ${JSON.stringify(name)}, sql: ${JSON.stringify(sql)} },\n`;
  });
  return `// deno-fmt-ignore-file
// Generated from supabase/migrations by scripts/generate_migrations.ts. Change the SQL, and run it.

/** One migration of the registry's schema. */
export interface Migration {
  /** The name of its file: a time stamp and what it does. */
  readonly name: string;
  /** All of its statements. Safe to run again. */
  readonly sql: string;
}

/** The migrations of the registry, in the order in which they are applied. */
export const MIGRATIONS: readonly Migration[] = [
${entries.join("")}];
`;
}

const expected = generate();
if (Deno.args.includes("--check")) {
  const found = await Deno.readTextFile(OUTPUT).catch(() => "");
  if (found !== expected) {
    console.error(
      "packages/registry-admin/database/migrations.ts differs from supabase/migrations; run deno run -A scripts/generate_migrations.ts",
    );
    Deno.exit(1);
  }
} else {
  await Deno.writeTextFile(OUTPUT, expected);
}
