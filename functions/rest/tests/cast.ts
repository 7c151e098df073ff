/** The issuers that the tests know, with every state that an issuer or a key can be in. */
import type { LocalTarget } from "@countersign/local-target";
import {
  deactivateIssuer,
  type PolicyFields,
  registerPublicKey,
  revokeKey,
} from "@countersign/registry-admin";
import { type Algorithm, generateIssuerKeyPair } from "@countersign/signer";
import { type KeyMaterial, TokenForge } from "./token_forge.ts";

/** In every honest token, so that a search of logs and answers for it finds any claim that leaked. */
export const CANARY = "canary-8c5be2";

export interface Cast {
  /** RS256, writes widgets. */
  readonly warehouse: TokenForge;
  /** Keys of `warehouse` in other states. */
  readonly revokedKey: TokenForge;
  readonly standbyKey: TokenForge;
  readonly retiredKey: TokenForge;
  /** ES256, writes invoices, which is also its default role. */
  readonly billing: TokenForge;
  /** ES256, with every line of a policy filled in. */
  readonly strict: TokenForge;
  /** `mode = 'observe'`, without a default role. */
  readonly observed: TokenForge;
  /** May act for users. */
  readonly trusted: TokenForge;
  /** Its tokens are good for one write. */
  readonly once: TokenForge;
  /** Registered, then deactivated. */
  readonly closed: TokenForge;
  /** Holds roles that turn dangerous after they were registered. */
  readonly rigged: TokenForge;
}

export const STRICT_AUDIENCE = "widgets of the north";

export async function keyFor(issuer: string, algorithm: Algorithm = "ES256"): Promise<KeyMaterial> {
  return { issuer, ...await generateIssuerKeyPair({ algorithm }) };
}

export async function registerCast(target: LocalTarget): Promise<Cast> {
  const { databaseUrl, url } = target;
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: "press-1", role: "widgets_writer", aud: url, canary: CANARY };

  const register = async (
    issuer: string,
    policy: PolicyFields & { notBefore?: number; notAfter?: number },
    change: Record<string, unknown> = {},
    algorithm: Algorithm = "ES256",
  ) => {
    const material = await keyFor(issuer, algorithm);
    await registerPublicKey({
      databaseUrl,
      issuer,
      publicKey: material.publicKey,
      algorithm,
      ...policy,
    });
    return new TokenForge(material, { ...claims, ...change });
  };

  const roles = ["widgets_writer"];
  const cast: Cast = {
    warehouse: await register("warehouse", { roles }, {}, "RS256"),
    revokedKey: await register("warehouse", {}, {}, "RS256"),
    standbyKey: await register("warehouse", { notBefore: now + 86_400 }, {}, "RS256"),
    retiredKey: await register("warehouse", { notAfter: now - 60 }, {}, "RS256"),
    billing: await register(
      "billing",
      { roles: ["invoices_writer"], defaultRole: "invoices_writer" },
      { role: undefined },
    ),
    strict: await register("strict", {
      roles,
      subjects: ["press-1", "depot-*"],
      claims: ["canary", "region"],
      audiences: [STRICT_AUDIENCE],
      maxTokenLifetime: 60,
      rejectIssuedBefore: now - 30,
    }, { aud: STRICT_AUDIENCE }),
    observed: await register("observed", { roles, subjects: ["press-1"], mode: "observe" }),
    trusted: await register("trusted", { roles, allowUserSubjects: true }),
    once: await register("once", { roles, singleUse: true }),
    closed: await register("closed", { roles }),
    rigged: await register("rigged", {
      roles: [...roles, "risen_writer", "heir_writer"],
      defaultRole: "risen_writer",
    }),
  };
  await revokeKey({ databaseUrl }, cast.revokedKey.material.kid);
  await deactivateIssuer({ databaseUrl }, "closed");
  return cast;
}
