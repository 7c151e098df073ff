/**
 * Writes the JSON Schema of countersign.toml from the code that reads it. With `--check` nothing is written: it
 * fails when the file differs.
 *
 * Cannot see: whether the schema accepts what the reader accepts. A test of registry-admin does.
 */
import { declarationSchema } from "../packages/registry-admin/declared/json_schema.ts";

const OUTPUT = new URL(
  "../packages/registry-admin/declared/countersign.schema.json",
  import.meta.url,
);
const formatter = new Deno.Command(Deno.execPath(), {
  args: ["fmt", "--ext=json", "-"],
  stdin: "piped",
  stdout: "piped",
}).spawn();
const [, { stdout }] = await Promise.all([
  new Response(JSON.stringify(declarationSchema(), null, 2)).body?.pipeTo(formatter.stdin),
  formatter.output(),
]);
const expected = new TextDecoder().decode(stdout);

if (Deno.args.includes("--check")) {
  const found = await Deno.readTextFile(OUTPUT).catch(() => "");
  if (found !== expected) {
    console.error(
      "countersign.schema.json differs from the code; run deno run -A scripts/generate_declaration_schema.ts",
    );
    Deno.exit(1);
  }
} else {
  await Deno.writeTextFile(OUTPUT, expected);
}
