import assert from "node:assert/strict";
import { checkMembers } from "./checked_members.ts";

Deno.test("checkMembers() refuses a misspelled option by its name, and never tells its value", () => {
  for (const options of [{ expiresin: "secret" }, Object.create({ Issuer: "secret" })]) {
    assert.throws(() => checkMembers(options, ["expiresIn", "issuer"]), (error) => {
      assert.ok(error instanceof TypeError);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
  for (const options of [undefined, null, "issuer"]) {
    assert.throws(() => Reflect.apply(checkMembers, undefined, [options, []]), TypeError);
  }
  checkMembers({ issuer: "secret" }, ["expiresIn", "issuer"]);
});
