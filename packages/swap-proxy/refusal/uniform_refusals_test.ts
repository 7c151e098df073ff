import { JwtVerificationError, type KeySource, memoryKeySource } from "@countersign/verifier";
import assert from "node:assert/strict";
import { type RefusalReason, REFUSALS } from "./refusals.ts";
import { UniformRefusals } from "./uniform_refusals.ts";

const OF_NAMES = [
  "unknown_issuer",
  "inactive_issuer",
  "unknown_key",
  "revoked_key",
  "key_not_current",
  "algorithm_mismatch",
  "bad_signature",
  "unusable_key",
] as const;
const OF_REGISTERED = OF_NAMES.slice(1);
const FAILURES = ["registry_unavailable", "registry_overloaded", "provider_unavailable"] as const;

const refusalOf = (reason: typeof OF_REGISTERED[number], issuer = "service-a") =>
  [new JwtVerificationError(reason, "", { issuer }), reason] as const;

Deno.test("UniformRefusals answers every name alike for a second after a failure", async () => {
  for (const failure of FAILURES) {
    let now = 1_000_000;
    const refusals = new UniformRefusals({ keySource: memoryKeySource([]), now: () => now });
    const of = async (reason: RefusalReason) => await refusals.of(undefined, reason);
    for (const reason of OF_NAMES) assert.equal(await of(reason), REFUSALS.unknown_issuer);
    assert.equal(await of(failure), REFUSALS.registry_unavailable);
    for (now of [1_000_000, 1_000_999]) {
      for (const reason of OF_NAMES) {
        assert.equal(await of(reason), REFUSALS.registry_unavailable, reason);
      }
    }
    now = 1_001_000;
    for (const reason of OF_NAMES) assert.equal(await of(reason), REFUSALS.unknown_issuer);
    now = 999_999; // A clock that was set back ends it as well.
    for (const reason of OF_NAMES) assert.equal(await of(reason), REFUSALS.unknown_issuer);
  }
});

Deno.test("UniformRefusals tells nobody that a name is in memory while others cannot be looked up", async () => {
  const fails = () => Promise.reject(new Error("too many names wait"));
  const unavailable: readonly KeySource[] = [
    { find: fails },
    { find: () => undefined, findProvider: fails },
  ];
  for (const keySource of unavailable) {
    let now = 1_000_000;
    for (const reason of OF_REGISTERED) {
      const refusals = new UniformRefusals({ keySource, now: () => now });
      assert.equal(await refusals.of(...refusalOf(reason)), REFUSALS.registry_unavailable);
      // One who is not registered is answered the same from then on.
      now += 999;
      const unknown = await refusals.of(undefined, "unknown_issuer");
      assert.equal(unknown, REFUSALS.registry_unavailable);
    }
  }
});

Deno.test("UniformRefusals looks up a name that nobody has, and for one name the same", async () => {
  const asked: string[] = [];
  const keySource: KeySource = {
    find: (name) => void asked.push(name),
    findProvider: (name) => void asked.push(`provider ${name}`),
  };
  const refusals = new UniformRefusals({ keySource, now: () => 1_000_000 });
  for (const reason of OF_REGISTERED) {
    asked.length = 0;
    for (const issuer of ["service-a", "service-a", "service-b"]) {
      assert.equal(await refusals.of(...refusalOf(reason, issuer)), REFUSALS.bad_signature);
    }
    assert.match(asked[0] ?? "", /^service-a [0-9a-f-]{36}$/);
    assert.equal(asked[1], `provider ${asked[0]}`);
    assert.deepEqual(asked.slice(2, 4), asked.slice(0, 2));
    assert.equal(asked[4], asked[0]?.replace("service-a", "service-b"));
  }
  const another = new UniformRefusals({ keySource, now: () => 1_000_000 });
  await another.of(...refusalOf("bad_signature"));
  assert.ok(!asked.slice(0, -2).includes(asked.at(-2) ?? ""), "Another process knows the name");
});

Deno.test("UniformRefusals leaves alone what no registry decides, and what an issuer signed", async () => {
  const keySource: KeySource = { find: () => Promise.reject(new Error("not to be asked")) };
  const refusals = new UniformRefusals({ keySource, now: () => 1_000_000 });
  await refusals.of(undefined, "registry_unavailable");
  for (const [name, refusal] of Object.entries(REFUSALS)) {
    const reason = name as RefusalReason;
    if (OF_NAMES.some((own) => own === reason)) continue;
    const signed = new JwtVerificationError("expired", "", { issuer: "service-a" });
    assert.equal(await refusals.of(signed, reason), refusal, reason);
  }
});
