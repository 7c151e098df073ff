/** An exchanged token that somebody holds, straight at PostgREST, before and after each change of the registry. */
import assert from "node:assert/strict";
import { inProcess } from "@countersign/fixture/stage";
import { exchanged, openExchangeStage, requestToken, sendDirect } from "./exchange_stage.ts";

Deno.test("a held exchanged token ends with the statement that ends it", async (t) => {
  await using stage = await openExchangeStage(inProcess);
  const { kid, issuer } = stage.warehouse.material;
  const held = await exchanged(stage, stage.warehouse.token());
  const ofAnother = await exchanged(stage, stage.trusted.token());
  const verdict = async (token = held) => {
    const { status, text } = await sendDirect(stage, token);
    return status === 201 ? "201" : `${status} ${JSON.parse(text).code}`;
  };

  const CHANGES: [string, string, string, string][] = [
    [
      "its key is revoked",
      `update jwt_public_keys set is_active = false where kid = '${kid}'`,
      "401 token_refused",
      `update jwt_public_keys set is_active = true where kid = '${kid}'`,
    ],
    [
      "its issuer is deactivated",
      `update jwt_issuers set is_active = false where issuer = '${issuer}'`,
      "401 token_refused",
      `update jwt_issuers set is_active = true where issuer = '${issuer}'`,
    ],
    [
      "its key has ended",
      `update jwt_public_keys set not_after = now() - interval '6 seconds' where kid = '${kid}'`,
      "401 token_refused",
      `update jwt_public_keys set not_after = null where kid = '${kid}'`,
    ],
    [
      "the issuer's own token is from before a cut-off",
      `update jwt_issuers set reject_issued_before = now() + interval '1 second' where issuer = '${issuer}'`,
      "401 token_refused",
      `update jwt_issuers set reject_issued_before = null where issuer = '${issuer}'`,
    ],
    [
      "its role was taken away",
      `update jwt_issuers set allowed_roles = '{}' where issuer = '${issuer}'`,
      "403 role_not_allowed",
      `update jwt_issuers set allowed_roles = '{widgets_writer}' where issuer = '${issuer}'`,
    ],
  ];
  for (const [what, end, expected, restore] of CHANGES) {
    await t.step(what, async () => {
      assert.equal(await verdict(), "201");
      await stage.sql.unsafe(end);
      assert.equal(await verdict(), expected);
      assert.equal(await verdict(ofAnother), "201");
      await stage.sql.unsafe(restore);
      assert.equal(await verdict(), "201");
    });
  }

  await t.step("an issuer that becomes single-use commits one more write with it", async () => {
    await stage.sql`update jwt_issuers set single_use = true where issuer = ${issuer}`;
    assert.deepEqual([await verdict(), await verdict()], ["201", "401 token_already_used"]);
    await stage.sql`update jwt_issuers set single_use = false where issuer = ${issuer}`;
    assert.equal(await verdict(), "201");
  });

  await t.step("the proxy and the token endpoint refuse it", async () => {
    const before = stage.upstream.asked.length;
    assert.equal((await stage.send({ token: held })).status, 401);
    const again = await requestToken(stage.function.origin, held);
    assert.deepEqual([again.status, (await again.json()).code], [400, "header_not_allowed"]);
    assert.equal(stage.upstream.asked.length, before);
    assert.equal((await stage.send({ token: stage.warehouse.token() })).status, 201);
  });

  await t.step("no token is in the log", () => {
    const log = stage.function.printed();
    assert.match(log, /"exchanged"/);
    assert.equal(log.includes(held.split(".")[2]!), false);
    assert.doesNotMatch(log, /eyJ/);
  });
});
