/**
 * docs/tutorial/your-first-write.md, followed to the letter: its commands, its SQL and its program.
 *
 * Does not run `task dev`; the target that it starts is here already, and packages/cli/process_test.ts starts it.
 */
import { startLocalTarget } from "@countersign/local-target";
import assert from "node:assert/strict";
import { FollowedDocument, Reader } from "./followed_document.ts";

Deno.test("the tutorial works when it is followed to the letter", async (t) => {
  const tutorial = new FollowedDocument("docs/tutorial/your-first-write.md");
  await using target = await startLocalTarget();
  await using reader = await Reader.open(target, tutorial);

  await t.step("2. creates the table", async () => {
    const heading = "## 2. Create a table whose rows belong to their issuer";
    await reader.psql(tutorial.block(heading, "sh"), target);
  });

  await t.step("3. registers the issuer", async () => {
    await reader.succeeds(tutorial.block("## 3. Register an issuer", "sh"));
  });

  await t.step("4. writes a row with curl, and one with supabase-js", async () => {
    const heading = "## 4. Write a row";
    const printed = await reader.succeeds(tutorial.block(heading, "sh"));
    for (const line of tutorial.block(heading, "text").trim().split("\n")) {
      if (line !== "…") assert.ok(printed.includes(line), `${line}\n${printed}`);
    }
    await reader.write("write.ts", tutorial.block(heading, "ts"));
    const written = await reader.succeeds("npx -y deno@2.9.6 run -A write.ts");
    assert.match(written, /owner: "journal", body: "hello again"/);
  });

  await t.step("5. rejects another issuer's row and another role", async () => {
    const [row = "", role = ""] = tutorial.blocks("## 5. Try to pose as another issuer", "sh");
    assert.match(await reader.succeeds(row), /^HTTP\/1\.1 403 [\s\S]*"42501"/);
    assert.match(await reader.succeeds(role), /^HTTP\/1\.1 403 [\s\S]*"role_not_allowed"/);
  });

  await t.step("6. rejects the revoked issuer, and explains why", async () => {
    const heading = "## 6. Revoke the issuer";
    const [revoke = "", explain = ""] = tutorial.blocks(heading, "sh");
    assert.match(await reader.succeeds(revoke), /HTTP\/1\.1 401 [\s\S]*"token_refused"/);

    const { code, printed } = await reader.sh(explain.split("\n")[0]!);
    assert.equal(code, 1, printed);
    for (const line of tutorial.block(heading, "text").trim().split("\n")) {
      if (line !== "…") assert.ok(printed.includes(line), `${line}\n${printed}`);
    }
    const audit = await reader.succeeds(explain.split("\n")[1]!);
    assert.match(audit, /journal/);
  });

  await t.step("7. lets a job write without a key, and not another repository's", async () => {
    const heading = "## 7. Let a job write without a key";
    const [register = "", write = "", fork = ""] = tutorial.blocks(heading, "sh");
    await reader.succeeds(register);
    const printed = await reader.succeeds(write);
    for (const line of tutorial.block(heading, "text").trim().split("\n")) {
      if (line !== "…") assert.ok(printed.includes(line), `${line}\n${printed}`);
    }
    assert.match(await reader.succeeds(fork), /^HTTP\/1\.1 403 [\s\S]*"rule_not_matched"/);
  });
});
