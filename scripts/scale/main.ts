/**
 * Computes the tables of `docs/explanation/scale.md` from `costs.json`, and writes them there.
 *
 * `deno run -A scripts/scale/main.ts [--check]`: with `--check`, fails where the document has others.
 */
import { readCosts } from "./costs.ts";
import { firstLimitTable, loadTable, mostWorkersTable } from "./tables.ts";

const DOCUMENT = new URL("../../docs/explanation/scale.md", import.meta.url);

const costs = await readCosts();
const tables: Readonly<Record<string, string>> = {
  load: loadTable(costs),
  "first limit": firstLimitTable(costs),
  "most workers": mostWorkersTable(costs),
};
const written = await Deno.readTextFile(DOCUMENT);
const computed = await formatted(
  Object.entries(tables).reduce((text, [name, table]) => replaced(text, name, table), written),
);
if (Deno.args.includes("--check")) {
  if (computed !== written) {
    console.error("docs/explanation/scale.md has other figures: run deno task scale");
    Deno.exitCode = 1;
  }
} else {
  await Deno.writeTextFile(DOCUMENT, computed);
  for (const [name, table] of Object.entries(tables)) console.log(`\n${name}\n\n${table}`);
}

/** Replaces what stands between the marks of that name. */
function replaced(text: string, name: string, table: string): string {
  const pattern = new RegExp(`(<!-- computed: ${name} -->\\n)[\\s\\S]*?(<!-- end -->)`);
  if (!pattern.test(text)) throw new Error(`Expected a mark "computed: ${name}" in the document`);
  return text.replace(pattern, (_, begin, end) => `${begin}\n${table}\n\n${end}`);
}

async function formatted(markdown: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(markdown));
  await writer.close();
  const { success, stdout } = await child.output();
  if (!success) throw new Error("deno fmt failed");
  return new TextDecoder().decode(stdout);
}
