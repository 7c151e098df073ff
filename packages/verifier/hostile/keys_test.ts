/** Every key that nobody may register, or sign with, against the verifier alone. */
import assert from "node:assert/strict";
import { KEY_ATTACKS } from "@countersign/fixture/attacks";
import { importPublicKey, InvalidPublicKeyError } from "../mod.ts";

for (const [name, { attack, twin, algorithm, code }] of Object.entries(KEY_ATTACKS)) {
  Deno.test(`importPublicKey() refuses ${name}`, async () => {
    await assert.rejects(importPublicKey(attack, algorithm), (error) => {
      assert.ok(error instanceof InvalidPublicKeyError);
      assert.equal(error.code, code, error.message);
      // Neither the message nor a cause may repeat the key.
      assert.equal(error.cause, undefined);
      for (const line of attack.split("\n").filter((text) => /^[\w+/=]{16,}$/.test(text))) {
        assert.ok(!error.message.includes(line));
      }
      return true;
    });
    assert.equal((await importPublicKey(twin, algorithm)).type, "public");
  });
}
