/**
 * docs/how-to/keep-the-registry-in-a-file.md, followed to the letter: its commands, its file, and what its workflow runs.
 *
 * Does not run GitHub: the workflow's conditions and environments are read by nobody here. `gh` writes down how it was called.
 */
import { startLocalTarget } from "@countersign/local-target";
import { generateIssuerKeyPair } from "@countersign/signer";
import assert from "node:assert/strict";
import { FollowedDocument, Reader, ROOT } from "./followed_document.ts";

const HOW_TO = new FollowedDocument("docs/how-to/keep-the-registry-in-a-file.md");
/** It defines the command as a clone has it. */
const TUTORIAL = new FollowedDocument("docs/tutorial/your-first-write.md");
const FILE = "registry/countersign.toml";

/** The scripts of the workflow, in its order: plan, comment, apply. */
function scripts(): string[] {
  const workflow = HOW_TO.block("## Review it on GitHub", "yaml");
  return [...workflow.matchAll(/^( *)run: \|\n((?:\1 {2}.*\n|\n)+)/gm)]
    .map(([, indent = "", script = ""]) => script.replaceAll(`\n${indent}  `, "\n").trimStart());
}

/** A step of a job, with what GitHub gives it. */
function step(script: string, env: Readonly<Record<string, string>> = {}): string {
  const variables = Object.entries({
    COUNTERSIGN:
      `${Deno.execPath()} run -A --config ${ROOT}/deno.json ${ROOT}/packages/cli/main.ts`,
    GITHUB_OUTPUT: "output.txt",
    GITHUB_STEP_SUMMARY: "summary.md",
    ...env,
  }).map(([name, value]) => `export ${name}='${value}'`);
  // As GitHub runs a step that names no shell.
  return [
    "unset SUPABASE_URL SUPABASE_SERVICE_ROLE_KEY; : > output.txt",
    'gh() { echo "$*" > gh.txt; }; export -f gh',
    ...variables,
    `cat > step.sh <<'END_OF_STEP'\n${script}\nEND_OF_STEP`,
    "bash -e step.sh",
  ].join("\n");
}

async function outputs(reader: Reader): Promise<Record<string, string>> {
  const lines = (await reader.read("output.txt")).trim().split("\n");
  return Object.fromEntries(lines.map((line) => line.split("=", 2)));
}

Deno.test("the registry is kept in a file as the guide says", async (t) => {
  await using target = await startLocalTarget({
    function: false,
    sql: ["select countersign.create_writer_role('reports_writer')"],
  });
  await using reader = await Reader.open(target, TUTORIAL);

  await t.step("1. exports the registry", async () => {
    const printed = await reader.succeeds(HOW_TO.block("## 1. Write the file", "sh"));
    assert.match(printed, /^Nothing to change\.$/m);
  });

  await t.step("3. plans the example, in the words of the guide", async () => {
    const { publicKey } = await generateIssuerKeyPair({ algorithm: "ES256" });
    await reader.succeeds("mkdir -p registry/keys");
    await reader.write("registry/keys/reports.pub", publicKey);
    const example = HOW_TO.block("## 2. Change it", "toml");
    await reader.write(FILE, `${await reader.read(FILE)}\n${example}`);

    const { code, printed } = await reader.sh(HOW_TO.block("## 3. Read the plan", "sh"));
    assert.equal(code, 2, printed);
    const expected = HOW_TO.block("## 3. Read the plan", "text");
    const pattern = expected.split("…").map((part) => RegExp.escape(part)).join(".+");
    assert.match(printed, new RegExp(`^${pattern}$`));
  });

  const [plan = "", comment = "", apply = "", ...more] = scripts();
  assert.deepEqual(more, []);
  let planned: Record<string, string> = {};

  await t.step("the workflow comments with the plan", async () => {
    await reader.succeeds(step(plan));
    planned = await outputs(reader);
    assert.match(planned.version ?? "", /^\d+-[0-9a-f]{12}$/);
    assert.deepEqual([planned.changes, planned.loosens], ["true", "true"]);
    assert.match(
      await reader.read("comment.md"),
      /^~~~diff\nIssuer "reports"\n\+ issuer\n[^]*\n\n~~~\n$/,
    );
    await reader.succeeds(step(comment, { PR: "https://github.example/pull/1" }));
    assert.match(
      await reader.read("gh.txt"),
      /^pr comment https:\/\/github\.example\/pull\/1 --body-file/,
    );
  });

  await t.step("4. prints a migration", async () => {
    const [, migration = ""] = HOW_TO.blocks("## 4. Apply it", "sh");
    await reader.succeeds(migration);
    assert.match(await reader.read("migration.sql"), /^-- add issuer "reports"\n/);
  });

  await t.step("the workflow refuses a registry that has changed, and what loosens", async () => {
    const { VERSION, ...others } = { VERSION: planned.version ?? "", LOOSENS: "true" };
    const moved = await reader.sh(step(apply, { ...others, VERSION: `${VERSION}0` }));
    assert.equal(moved.code, 1);
    assert.match(moved.printed, /\(conflict\)/);
    const loosened = await reader.sh(step(apply, { VERSION, LOOSENS: "false" }));
    assert.equal(loosened.code, 1);
    assert.match(loosened.printed, /\(loosening_refused\)/);
  });

  await t.step("the workflow applies the plan", async () => {
    const version = planned.version ?? "";
    await reader.succeeds(step(apply, { VERSION: version, LOOSENS: "true" }));
    await reader.succeeds(step(plan));
    assert.deepEqual((await outputs(reader)).changes, "false");
  });

  await t.step("4. applies by hand, which changes nothing any more", async () => {
    const [byHand = ""] = HOW_TO.blocks("## 4. Apply it", "sh");
    assert.match(await reader.succeeds(byHand), /^Nothing to change\.$/m);
  });

  await t.step("the workflow fails on a file that cannot be read", async () => {
    await reader.write(FILE, "[issuers.reports]\nroles = []\n");
    const { code, printed } = await reader.sh(step(plan));
    assert.notEqual(code, 0);
    assert.match(printed, /Line 2, column 1: Unknown member "roles"/);
  });
});
