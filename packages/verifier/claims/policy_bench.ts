import { claims, policy } from "../fixtures/tokens.ts";
import { applyPolicy } from "./policy.ts";

const strict = {
  ...policy,
  allowedSubjects: ["depot-1", "worker-*"],
  allowedClaims: ["tenant", "region", "email"],
};
const more = { ...claims, tenant: 1, region: "eu", email: "a@example.com" };

Deno.bench("applyPolicy() with defaults", () => {
  applyPolicy(claims, policy, {});
});

Deno.bench("applyPolicy() with subjects and claims listed", () => {
  applyPolicy(more, strict, {});
});
