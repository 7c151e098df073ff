/**
 * README.md, followed to the letter: its commands and its SQL, extracted from the document, against a target on this
 * machine. The registry is pushed by the real Supabase CLI.
 *
 * Does not run what needs an account: `supabase link`, `secrets set` and `functions deploy`, which the tests in
 * this folder run against a management API on loopback.
 */
import { startLocalTarget } from "@countersign/local-target";
import { schemaDifferences } from "@countersign/registry-admin";
import { proxyOptionsFromEnv } from "@countersign/swap-proxy";
import assert from "node:assert/strict";
import config from "../../../../deno.json" with { type: "json" };
import { FollowedDocument, Reader, ROOT, runSql } from "./followed_document.ts";
import { supabase } from "./supabase_cli.ts";

const README = new FollowedDocument("README.md");

Deno.test("the README's quickstart works when it is followed to the letter", async (t) => {
  await using target = await startLocalTarget({ migrations: false });
  await using reader = await Reader.open(target, README);

  await t.step("1. deploys with commands that the Supabase CLI and the function take", async () => {
    const setup = README.block("## Quickstart", "sh");
    assert.deepEqual([...setup.matchAll(/^export (\w+)=/gm)].map(([, name]) => name), [
      "SUPABASE_URL",
      "SUPABASE_PUBLISHABLE_KEY",
      "SUPABASE_SERVICE_ROLE_KEY",
      "COUNTERSIGN_ADMIN_DB_URL",
      "COUNTERSIGN_DB_CA", // Needed where the connection leaves the machine.
    ]);
    const heading = "### 1. Deploy the registry and the function";
    await reader.succeeds(README.block(heading, "sh").replace("…", target.jwtSecret));
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
    const heading = "### 2. Create a table whose rows belong to their issuer";
    await reader.psql(README.block(heading, "sh"), target);
  });

  await t.step("3. registers the issuer, and the doctor finds no problem", async () => {
    const printed = await reader.succeeds(README.block("### 3. Register an issuer", "sh"));
    assert.match(printed, /problems: 0, warnings: 0, not checked: 0/);
  });

  const write = README.block("### 4. Write a row", "sh");
  await t.step("4. writes the row", async () => {
    await reader.write("write.ts", README.block("### 4. Write a row", "ts"));
    assert.equal(await reader.succeeds(write), README.block("### 4. Write a row", "text"));
  });

  await t.step("5. revokes the issuer, and what the README says of it is so", async () => {
    const revoke = README.block("### 5. Revoke it", "sh");
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
    await runSql(target.databaseUrl, README.block("# Countersign", "sql"));
    const { code, printed } = await reader.sh(write);
    assert.equal(code, 1, printed);
    assert.match(printed, /token_refused/);
  });
});

Deno.test("the README names tasks that exist", () => {
  const tasks = [...README.text.matchAll(/deno@2\.9\.6 task (\w+)/g)].map(([, task]) => task!);
  assert.deepEqual([...new Set(tasks)].sort(), ["demo", "dev", "test"]);
  for (const task of tasks) assert.ok(task in config.tasks, task);
});

Deno.test("the signer's README writes a row, with the key that is registered", async () => {
  await using target = await startLocalTarget({
    sql: [`
      create table public.widgets (name text primary key, owner text default countersign.issuer());
      alter table public.widgets enable row level security;
      select countersign.create_writer_role('widgets_writer');
      grant select, insert on public.widgets to widgets_writer;
      create policy own on public.widgets to widgets_writer
        using (countersign.is_issuer(owner)) with check (countersign.is_issuer(owner));
    `],
  });
  await using reader = await Reader.open(target, README);
  await reader.succeeds(`countersign keygen --issuer my-service --out keys
    countersign register --issuer my-service --public-key keys/my-service.pub --role widgets_writer`);

  const document = new FollowedDocument("packages/signer/README.md");
  const program = document.block("## Use it with supabase-js", "ts");
  const ours = program
    .replace("https://prod-abc123.supabase.co", target.url)
    .replace("sb_publishable_…", target.publishableKey)
    .replace('"prod-abc123"', `"${target.url}"`);
  await reader.write("write.ts", ours);
  const run = "npx -y deno@2.9.6 run -A write.ts";
  await reader.succeeds(`COUNTERSIGN_PRIVATE_KEY=$(cat keys/my-service.key) ${run}`);
  await runSql(
    target.databaseUrl,
    `do $$ begin
      assert (select array_agg(owner || ' ' || name) from public.widgets) = '{"my-service Widget A"}';
    end $$`,
  );
});
