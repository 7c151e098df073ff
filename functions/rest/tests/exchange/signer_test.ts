/** The signer's token source as supabase-js's `accessToken`, at the project's plain URL. */
import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import { createTokenSource } from "@countersign/signer";
import { newName } from "@countersign/fixture";
import { inProcess } from "@countersign/fixture/stage";
import { openExchangeStage } from "./exchange_stage.ts";

Deno.test("supabase-js writes past the function, until the key is revoked", async () => {
  await using stage = await openExchangeStage(inProcess);
  const { target, warehouse } = stage;
  const accessToken = createTokenSource({
    oidc: () => Promise.resolve(warehouse.token()),
    exchange: `${stage.function.origin}/rest`,
  });
  const client = createClient(target.url, target.publishableKey, { accessToken });
  const insert = () => client.from("widgets").insert({ name: newName() });

  for (let writes = 0; writes < 3; writes++) {
    const { status, error } = await insert();
    assert.deepEqual([status, error], [201, null]);
  }
  const { data } = await client.rpc("whoami");
  assert.equal(data.user, "widgets_writer");
  assert.equal(stage.function.printed().match(/"exchanged"/g)?.length, 1);
  assert.equal(stage.upstream.asked.length, 0);

  const { kid } = warehouse.material;
  await stage.sql`update public.jwt_public_keys set is_active = false where kid = ${kid}`;
  assert.equal((await insert()).status, 401);
  await stage.sql`update public.jwt_public_keys set is_active = true where kid = ${kid}`;
  assert.equal((await insert()).status, 201);
});
