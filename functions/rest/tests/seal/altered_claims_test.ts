/**
 * Every claim is sealed: whatever a foreign key that PostgREST trusts changes in claims that the proxy
 * sealed, the guard refuses. And only then: the same claims in another spelling are the same.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { areSame, change, respelled, text, value } from "./json_changes.ts";
import { SealStage } from "./seal_stage.ts";

/** `deno task test:properties` asks for 100,000 cases; each is a request, so a tenth of them are sent. */
const CASES = Number(Deno.env.get("COUNTERSIGN_PROPERTY_RUNS") ?? 4_000) / 10;
/** Cases that are sent at a time. */
const BATCH = 8;
const numRuns = Math.ceil(CASES / BATCH);

/** Claims that an issuer may make up, beside the registered ones. */
const extra = fc.array(fc.tuple(text.map((name) => `x${name}`), value), { maxLength: 6 })
  .map((members) => Object.fromEntries(members));
const batchOf = <T>(of: fc.Arbitrary<T>) => fc.array(of, { minLength: BATCH, maxLength: BATCH });

Deno.test("the seal", async (t) => {
  await using stage = await SealStage.open();
  const [thirdParty, partner] = stage.foreigners;
  assert.ok(thirdParty !== undefined && partner !== undefined);

  await t.step("holds for whatever claims an issuer makes up", async () => {
    await fc.assert(
      fc.asyncProperty(batchOf(extra), async (batch) => {
        await Promise.all(batch.map(async (claims) => {
          const token = stage.billing.token({ claims });
          // Beyond 8 KiB the proxy refuses the token itself.
          if (token.length > 8_000) return;
          const seen = await stage.through(token);
          assert.deepEqual(
            Object.fromEntries(Object.entries(seen).filter(([name]) => name in claims)),
            claims,
          );
        }));
      }),
      { numRuns },
    );
  });

  const samples = [
    {},
    { tenant: { name: "naïve 鍵 🔑", share: 0.05, tiny: 1e-7, flags: [true, null, {}] } },
    { aud: ["https://a.example", stage.target.url], nbf: 1_700_000_000, jti: "j" },
    { aud: [stage.target.url], matrix: [[1, 2.5], [], [[{}]]], "": { "": "" } },
  ];
  // One after the other: what the proxy sent is found as the last that PostgREST was asked.
  const sealed = async () => {
    const found = [];
    for (const claims of samples) found.push(await stage.sealedClaims(stage.billing, claims));
    return found;
  };

  await t.step("does not hold once anything is changed", async () => {
    const one = fc.record({
      sample: fc.nat({ max: samples.length - 1 }),
      change,
      key: fc.boolean(),
    });
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(batchOf(one), async (batch) => {
        const bases = await sealed();
        await Promise.all(batch.map(async ({ sample, change, key }) => {
          const base = bases[sample] ?? {};
          const altered = change(base);
          if (areSame(base, altered)) return;
          const token = (key ? thirdParty : partner).sign(JSON.stringify(altered));
          const { status, body } = await stage.whoami(token);
          // Some changes PostgREST itself refuses, such as a role that does not exist. Without a mark and with
          // another issuer's name a token passes, as nobody's.
          const passed = status === 200 && (body as { claims: unknown }).claims !== null;
          assert.ok(!passed, JSON.stringify(altered));
          refused++;
        }));
      }),
      { numRuns },
    );
    assert.ok(refused > CASES / 2, `${refused} of ${CASES}`);
  });

  await t.step("holds in every spelling of the same claims", async () => {
    const one = fc.record({ sample: fc.nat({ max: samples.length - 1 }), seed: fc.nat() });
    await fc.assert(
      fc.asyncProperty(batchOf(one), async (batch) => {
        const bases = await sealed();
        await Promise.all(batch.map(async ({ sample, seed }) => {
          const payload = respelled(bases[sample], mulberry32(seed));
          assert.equal((await stage.whoami(partner.sign(payload))).status, 200, payload);
        }));
      }),
      { numRuns },
    );
  });
});

/** Numbers from 0 to 1 that follow from a seed, so that a failure can be repeated. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
