/** Checks the rules that no linter knows. Each rule's file says what it cannot see. */
import { circleRule } from "./rules/circles.ts";
import { importRule } from "./rules/imports.ts";
import { layoutRule } from "./rules/layout.ts";
import { linkRule } from "./rules/links.ts";
import { referenceRule } from "./rules/reference.ts";
import { retiredWordRule } from "./rules/retired_words.ts";
import { testRule } from "./rules/tests.ts";
import { versionRule } from "./rules/versions.ts";
import { wordRule } from "./rules/words.ts";

const broken = [
  ...await importRule(),
  ...await circleRule(),
  ...await layoutRule(),
  ...await testRule(),
  ...versionRule(),
  ...await linkRule(),
  ...await referenceRule(),
  ...await retiredWordRule(),
  ...await wordRule(),
];
for (const line of broken) console.error(line);
console.log(broken.length === 0 ? "rules hold" : `${broken.length} broken`);

const generators = [
  "scripts/generate_migrations.ts",
  "scripts/generate_entrypoints.ts",
  "scripts/generate_cli_reference.ts",
  "scripts/generate_declaration_schema.ts",
  "scripts/scale/main.ts",
];
let drifted = false;
for (const script of generators) {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, "--check"],
  })
    .spawn().status;
  drifted ||= code !== 0;
}
Deno.exitCode = broken.length > 0 || drifted ? 1 : 0;
