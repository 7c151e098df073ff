import assert from "node:assert/strict";
import { isRefusal, makeRecord, makeToken, NOW, verify } from "../fixtures/tokens.ts";

Deno.test("verifyMultiIssuerJwt() holds to maxTokenLifetimeSec, counted from now", async () => {
  const record = await makeRecord();
  const token = await makeToken({ claims: { iat: NOW - 50, exp: NOW + 66 } });
  const longer = await makeToken({ claims: { exp: NOW + 66 } });
  for (const late of [token, longer]) {
    await assert.rejects(
      verify(late, record, { maxTokenLifetimeSec: 60 }),
      (error) => isRefusal(error, "lifetime_too_long"),
    );
    // Clocks may differ by five seconds.
    await verify(late, record, { maxTokenLifetimeSec: 61 });
    await verify(late, record);
  }
});

Deno.test("verifyMultiIssuerJwt() refuses an option that it does not know", async () => {
  const token = await makeToken();
  const record = await makeRecord();
  for (const option of [{ audiance: "x" }, { maxStaleness: 1 }, { audience_: undefined }]) {
    const verifying = Reflect.apply(verify, undefined, [token, record, option]);
    await assert.rejects(verifying, (error) => {
      const [name = ""] = Object.keys(option);
      return error instanceof TypeError && error.message.includes(`"${name}"`);
    });
  }
  for (const maxTokenLifetimeSec of [0, -1, NaN, "60"]) {
    const wrong = Object.assign({}, { maxTokenLifetimeSec });
    await assert.rejects(Reflect.apply(verify, undefined, [token, record, wrong]), RangeError);
  }
});
