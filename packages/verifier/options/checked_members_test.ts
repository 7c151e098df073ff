import assert from "node:assert/strict";
import { checkMembers } from "./checked_members.ts";

const known = new Set(["audience", "now"]);

Deno.test("checkMembers() refuses a misspelled option by its name, and never tells its value", () => {
  for (
    const options of [{ audiance: "secret" }, { audience: 1, Now: "secret" }, { "": "secret" }]
  ) {
    assert.throws(() => checkMembers(options, known), (error) => {
      assert.ok(error instanceof TypeError);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
  checkMembers({ audience: "secret" }, known);
  checkMembers({}, known);
});

Deno.test("checkMembers() refuses one that is inherited", () => {
  assert.throws(() => checkMembers(Object.create({ cach: 1 }), known), /"cach"/);
  checkMembers(Object.create({ now: 1 }), known);
});

Deno.test("checkMembers() refuses what is no object", () => {
  for (const options of [undefined, null, "audience", 1]) {
    assert.throws(() => Reflect.apply(checkMembers, undefined, [options, known]), TypeError);
  }
});
