/** Every attack on a token against the verifier alone. Over HTTP they run in the function's tests. */
import assert from "node:assert/strict";
import { ATTACKS } from "@countersign/fixture/attacks";
import { memoryCast } from "@countersign/fixture/cast";
import { AUDIENCE, isRefusal, NOW } from "../fixtures/tokens.ts";
import { memoryKeySource, verifyMultiIssuerJwt } from "../mod.ts";

const { cast, records } = await memoryCast(NOW, AUDIENCE);
const options = {
  keySource: memoryKeySource(records),
  audience: AUDIENCE,
  now: () => NOW * 1000,
};

for (const [kind, attacks] of Object.entries(ATTACKS)) {
  for (const { name, refused, token, twin } of attacks) {
    Deno.test(`verifyMultiIssuerJwt() refuses, of ${kind}: ${name}`, async () => {
      const forged = token(cast);
      await assert.rejects(
        verifyMultiIssuerJwt(forged, options),
        (error) => isRefusal(error, refused),
      );
      const honest = twin(cast);
      assert.notEqual(honest, forged);
      await verifyMultiIssuerJwt(honest, options);
    });
  }
}
