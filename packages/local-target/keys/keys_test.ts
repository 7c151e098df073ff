import assert from "node:assert/strict";
import { createProjectKeys } from "./keys.ts";

const SECRET = "a secret of at least thirty-two bytes";

function claims(jwt: string): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(
    Uint8Array.fromBase64(jwt.split(".")[1] ?? "", { alphabet: "base64url" }),
  ));
}

Deno.test("createProjectKeys() makes legacy keys for ten years, with the platform's claims", () => {
  const { anonKey, serviceRoleKey } = createProjectKeys(SECRET, () => 1_800_000_000_999);
  const times = { iat: 1_800_000_000, exp: 1_800_000_000 + 315_360_000 };
  const common = { iss: "supabase-demo", ref: "local", ...times };
  assert.deepEqual(claims(anonKey), { ...common, role: "anon" });
  assert.deepEqual(claims(serviceRoleKey), { ...common, role: "service_role" });
});

Deno.test("createProjectKeys() never repeats an sb_ key", () => {
  const [one, two] = [createProjectKeys(SECRET), createProjectKeys(SECRET)];
  assert.match(one.publishableKey, /^sb_publishable_[\w-]{32}$/);
  assert.match(one.secretKey, /^sb_secret_[\w-]{32}$/);
  assert.notEqual(one.publishableKey, two.publishableKey);
  assert.notEqual(one.secretKey, two.secretKey);
});
