import { MIGRATIONS } from "@countersign/registry-admin";
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import config from "../deno.json" with { type: "json" };
import { planProject } from "../project/plan.ts";
import { writeProject } from "../project/write.ts";
import { assertFailed, cli, cliJson } from "../fixtures/cli.ts";

const CONFIG = 'project_id = "mine" # kept\r\n\n[auth]\nsite_url = "http://x"';
const INDEX = "supabase/functions/rest/index.ts";
const FIRST = `supabase/migrations/${MIGRATIONS[0]?.name}`;

/** Makes a project of the given files, runs a test in it, and removes it. */
async function inProject(
  files: Readonly<Record<string, string>>,
  run: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [path, content] of Object.entries({ "supabase/config.toml": CONFIG, ...files })) {
      await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
      await Deno.writeTextFile(join(folder, path), content);
    }
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Everything below a folder: files with what they hold, folders with nothing. */
async function snapshot(folder: string, prefix = ""): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { name, isDirectory } of Deno.readDir(join(folder, prefix))) {
    const path = join(prefix, name);
    if (isDirectory) Object.assign(found, { [path]: "" }, await snapshot(folder, path));
    else found[path] = await Deno.readTextFile(join(folder, path));
  }
  return found;
}

const init = (folder: string, ...args: string[]) => cli(["init", "--dir", folder, ...args]);

Deno.test("init writes migrations and function, and leaves the configuration as it was", () =>
  inProject({ "supabase/seed.sql": "select 1" }, async (folder) => {
    const { code, stdout, stderr } = await init(folder);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    const { "supabase/config.toml": written = "", ...files } = await snapshot(folder);
    assert.equal(written.slice(0, CONFIG.length), CONFIG);
    assert.match(
      written.slice(CONFIG.length),
      /^\r\n\r\n\[functions\.rest\]\r\n#.*\r\nverify_jwt = false\r\n$/,
    );
    for (const { name, sql } of MIGRATIONS) assert.equal(files[`supabase/migrations/${name}`], sql);
    assert.deepEqual(JSON.parse(files["supabase/functions/rest/deno.json"] ?? ""), {
      imports: { "@countersign/swap-proxy": `jsr:@countersign/swap-proxy@^${config.version}` },
    });
    assert.equal(Object.keys(files).length, MIGRATIONS.length + 7);
    assert.match(stdout, /^created +supabase\/migrations\/.*\n/);
  }));

Deno.test("init writes the function that this repository deploys", async () => {
  const { stdout } = await cli(["init", "--print", INDEX]);
  const ours = new URL("../../../functions/rest/index.ts", import.meta.url);
  assert.equal(stdout, await Deno.readTextFile(ours));
});

Deno.test("init names exactly the commands that are left", () =>
  inProject({}, async (folder) => {
    const expected = [
      "supabase db push --remote",
      "supabase secrets set --env-file supabase/functions/rest/.env.local",
      "supabase functions deploy rest",
    ];
    const { stdout } = await init(folder);
    assert.deepEqual(stdout.match(/(?<=^ {2})supabase .*/gm), expected);
    const again = await cliJson(["init", "--dir", folder]);
    assert.deepEqual(Reflect.get(Object(again), "next"), expected);
  }));

Deno.test("init run twice changes nothing, on Windows neither", () =>
  inProject({}, async (folder) => {
    await init(folder);
    await Deno.writeTextFile(
      join(folder, INDEX),
      (await Deno.readTextFile(join(folder, INDEX))).replaceAll("\n", "\r\n"),
    );
    const before = await snapshot(folder);
    const { code, stdout } = await init(folder);
    assert.equal(code, 0);
    assert.doesNotMatch(stdout, /created|added/);
    assert.deepEqual(await snapshot(folder), before);
  }));

Deno.test("init --dry-run says the same and writes nothing", () =>
  inProject({}, async (folder) => {
    const before = await snapshot(folder);
    const { code, stdout } = await init(folder, "--dry-run");
    assert.equal(code, 0);
    assert.match(stdout, /^would create +supabase\/migrations\//);
    assert.match(stdout, /\nwould add to +supabase\/config\.toml\n/);
    assert.deepEqual(await snapshot(folder), before);
  }));

for (
  const [what, files, path, reason] of [
    ["a function that was changed", { [INDEX]: "export {};\n" }, INDEX, /^differs; compare: /],
    ["a migration that was changed", { [FIRST]: "select 1;\n" }, FIRST, /^differs; compare: /],
    [
      "a migration with the same time stamp",
      { [FIRST.replace("countersign_schema", "mine")]: "select 1;\n" },
      FIRST,
      /same time stamp as supabase\/migrations\/\d+_mine\.sql/,
    ],
    ["a file where a folder should be", { "supabase/functions": "" }, INDEX, /not a directory/],
    ["a folder where a file should be", { [`${INDEX}/a`]: "" }, INDEX, /it is a directory/],
    [
      "a section with other values",
      { "supabase/config.toml": "[functions.rest]\nverify_jwt = true\n" },
      "supabase/config.toml",
      /verify_jwt = false$/,
    ],
  ] as const
) {
  Deno.test(`init writes nothing at all with ${what} in the way, and says what`, () =>
    inProject(files, async (folder) => {
      const before = await snapshot(folder);
      const { code, stdout, stderr } = await init(folder, "--json");
      assert.equal(code, 1);
      assert.match(JSON.parse(stderr).error.message, /nothing was written/);
      const { written, files: steps, next } = JSON.parse(stdout);
      assert.deepEqual({ written, next }, { written: false, next: [] });
      const step = steps.find((step: { path: string }) => step.path === path);
      assert.equal(step.action, "obstacle");
      assert.match(step.reason, reason);
      assert.deepEqual(await snapshot(folder), before);
      const { stdout: told } = await init(folder);
      assert(told.includes(`differs       ${path} ${step.reason}\n`), told);
    }));
}

Deno.test("init names a command that compares, and it does", () =>
  inProject({ [INDEX]: "export {};\n" }, async (folder) => {
    const { stdout } = await init(folder);
    const [, command, file] =
      /compare: countersign (init --print \S+) \| diff (\S+) -/.exec(stdout) ?? [];
    assert.equal(file, INDEX);
    const { code, stdout: wanted } = await cli((command ?? "").split(" "));
    assert.equal(code, 0);
    await Deno.writeTextFile(join(folder, INDEX), wanted);
    assert.equal((await init(folder)).code, 0);
  }));

for (
  const [what, name, flag] of [
    ["later", "20990101000000_later.sql", true],
    ["earlier", "20200101000000_earlier.sql", false],
  ] as const
) {
  Deno.test(`init ${flag ? "asks" : "does not ask"} for --include-all where migrations of the project are ${what}`, () =>
    inProject({ [`supabase/migrations/${name}`]: "select 1;" }, async (folder) => {
      const { stdout } = await init(folder);
      assert.equal(/^ {2}supabase db push --remote --include-all$/m.test(stdout), flag, stdout);
      assert.equal(/^--include-all: the project has/m.test(stdout), flag);
    }));
}

Deno.test("init takes back what it wrote when it can't go on, and leaves what has appeared", () =>
  inProject({}, async (folder) => {
    const plan = await planProject(folder);
    await Deno.mkdir(dirname(join(folder, INDEX)), { recursive: true });
    await Deno.writeTextFile(join(folder, INDEX), "mine");
    const before = await snapshot(folder);
    await assert.rejects(
      writeProject(folder, plan),
      /index\.ts".* already exists; nothing was written/,
    );
    assert.deepEqual(await snapshot(folder), before);
  }));

Deno.test("init takes back every file when the configuration can't be written", () =>
  inProject({}, async (folder) => {
    const plan = await planProject(folder);
    await Deno.rename(join(folder, "supabase/config.toml"), join(folder, "supabase/old.toml"));
    const before = await snapshot(folder);
    await assert.rejects(
      writeProject(folder, plan),
      /config\.toml".* no such file or folder; nothing was written/,
    );
    assert.deepEqual(await snapshot(folder), before);
  }));

Deno.test("init wants a Supabase project", async () => {
  const folder = await Deno.makeTempDir();
  assertFailed(await init(folder), 1, /found no supabase\/config\.toml.*supabase init/);
  assert.deepEqual(await snapshot(folder), {});
  await Deno.remove(folder);
});

Deno.test("init --print prints what init writes, and nothing else", async () => {
  assertFailed(
    await cli(["init", "--print", "supabase/config.toml"]),
    2,
    /a file that init writes/,
  );
  const { stdout } = await cli(["init", "--print", FIRST]);
  assert.equal(stdout, MIGRATIONS[0]?.sql);
});
