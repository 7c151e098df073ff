import assert from "node:assert/strict";
import { USER_ID_SPELLINGS } from "@countersign/fixture/attacks";
import { isUserId } from "./user_id.ts";

Deno.test("isUserId() knows every spelling of a user's id that Postgres casts to a uuid", () => {
  for (const sub of USER_ID_SPELLINGS) {
    assert.ok(isUserId(sub), sub);
    assert.ok(!isUserId(sub.replace(/[0-9a-f]/i, "g")), sub);
    assert.ok(!isUserId(sub.replace(/[0-9a-f]/i, "")), sub);
  }
});

Deno.test("isUserId() takes white space around one for one", () => {
  for (const sub of USER_ID_SPELLINGS) assert.ok(isUserId(`\t ${sub}\n`), sub);
});
