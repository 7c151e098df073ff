import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { SEAL_KEY } from "@countersign/fixture";
import { sealOf } from "./seal.ts";

const claims = {
  iss: "service-a",
  role: "widgets_writer",
  exp: 1_800_000_030,
  tenant: { name: "naïve 鍵 🔑", share: 0.05, size: 1e21 },
  countersign: { kid: "k", jti: "j", iat: 1_800_000_000 },
};

Deno.test("sealOf() is the key's id and HMAC-SHA-256 of the claims as jsonb prints them", async () => {
  const text = '{"exp": 1800000030, "iss": "service-a", "role": "widgets_writer", ' +
    '"tenant": {"name": "naïve 鍵 🔑", "size": 1000000000000000000000, "share": 0.05}, ' +
    '"countersign": {"iat": 1800000000, "jti": "j", "kid": "k"}}';
  const mac = createHmac("sha256", Buffer.from(SEAL_KEY.secret, "base64url")).update(text);
  assert.equal(await sealOf(claims, SEAL_KEY), `${SEAL_KEY.id}.${mac.digest("base64url")}`);
});

Deno.test("sealOf() depends on every claim, on the key, and not on the order of members", async () => {
  const seal = await sealOf(claims, SEAL_KEY);
  const reordered = Object.fromEntries(Object.entries(claims).toReversed());
  assert.equal(await sealOf(reordered, SEAL_KEY), seal);

  const { exp: _, ...without } = claims;
  const changes: Record<string, unknown>[] = [
    without,
    { ...claims, extra: null },
    { ...claims, exp: claims.exp + 1 },
    { ...claims, exp: String(claims.exp) },
    { ...claims, role: "Widgets_writer" },
    { ...claims, tenant: { ...claims.tenant, share: 0.050000000000000001 + Number.EPSILON } },
    { ...claims, tenant: [claims.tenant] },
    { ...claims, countersign: { ...claims.countersign, kid: "K" } },
  ];
  const seals = await Promise.all(changes.map((changed) => sealOf(changed, SEAL_KEY)));
  const otherKey = { ...SEAL_KEY, secret: `B${SEAL_KEY.secret.slice(1)}` };
  const otherId = { ...SEAL_KEY, id: "seal-2" };
  seals.push(await sealOf(claims, otherKey), await sealOf(claims, otherId), seal);
  assert.equal(new Set(seals).size, changes.length + 3);
});
