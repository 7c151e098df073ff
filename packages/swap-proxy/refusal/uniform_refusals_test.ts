import assert from "node:assert/strict";
import { type RefusalReason, REFUSALS } from "./refusals.ts";
import { UniformRefusals } from "./uniform_refusals.ts";

const OF_NAMES: readonly RefusalReason[] = [
  "unknown_issuer",
  "inactive_issuer",
  "unknown_key",
  "revoked_key",
  "key_not_current",
  "algorithm_mismatch",
  "bad_signature",
  "unusable_key",
];

Deno.test("UniformRefusals answers every name alike while the registry cannot be asked", () => {
  for (const failure of ["registry_unavailable", "registry_overloaded"] as const) {
    let now = 1_000_000;
    const refusals = new UniformRefusals(() => now);
    for (const reason of OF_NAMES) assert.equal(refusals.of(reason), REFUSALS.unknown_issuer);
    assert.equal(refusals.of(failure), REFUSALS.registry_unavailable);
    for (now of [1_000_000, 1_000_999]) {
      for (const reason of OF_NAMES) {
        assert.equal(refusals.of(reason), REFUSALS.registry_unavailable, reason);
      }
    }
    now = 1_001_000;
    for (const reason of OF_NAMES) assert.equal(refusals.of(reason), REFUSALS.unknown_issuer);
    now = 999_999; // A clock that was set back ends it as well.
    for (const reason of OF_NAMES) assert.equal(refusals.of(reason), REFUSALS.unknown_issuer);
  }
});

Deno.test("UniformRefusals leaves alone what no registry decides, and what an issuer signed", () => {
  const refusals = new UniformRefusals(() => 1_000_000);
  refusals.of("registry_unavailable");
  for (const [reason, refusal] of Object.entries(REFUSALS)) {
    const name = OF_NAMES.find((own) => own === reason);
    if (name === undefined && reason !== "registry_overloaded") {
      assert.equal(refusals.of(reason as RefusalReason), refusal, reason);
    }
  }
});
