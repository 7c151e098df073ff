import assert from "node:assert/strict";
import { suggestion } from "./suggestion.ts";

const KNOWN = ["is_active", "allowed_roles", "default_role", "not_after", "public_key"];

for (
  const [written, meant] of [
    ["alowed_roles", "allowed_roles"],
    ["allowedRoles", "allowed_roles"],
    ["allowed-roles", "allowed_roles"],
    ["roles", "allowed_roles"],
    ["active", "is_active"],
    ["publicKey", "public_key"],
    ["NOT_AFTER", "not_after"],
  ] as const
) {
  Deno.test(`suggestion() takes "${written}" for "${meant}"`, () => {
    assert.equal(suggestion(written, KNOWN), `; did you mean "${meant}"?`);
  });
}

for (const written of ["", "x", "owner", "providers", "a".repeat(40)]) {
  Deno.test(`suggestion() has none for "${written}"`, () => {
    assert.equal(suggestion(written, KNOWN), "");
  });
}
