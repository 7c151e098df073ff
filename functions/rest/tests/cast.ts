/** The issuers that the tests know, with every state that an issuer or a key can be in. */
import type { LocalTarget } from "@countersign/local-target";
import {
  deactivateIssuer,
  type PolicyFields,
  registerPublicKey,
  revokeKey,
} from "@countersign/registry-admin";
import { generateIssuerKeyPair, type IssuerKeyPair } from "@countersign/signer";
import type { Sql } from "postgres";
import { type KeyMaterial, TokenForge } from "./token_forge.ts";

/**
 * In every honest token, so that a search of logs and answers for it finds any claim that leaked.
 */
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

/** Keys of RSA take a while, so they are made while the target starts. */
export interface CastKeys {
  readonly rsa: readonly IssuerKeyPair[];
}

export async function generateCastKeys(): Promise<CastKeys> {
  return { rsa: await Promise.all(Array.from({ length: 4 }, () => generateIssuerKeyPair())) };
}

export async function keyFor(issuer: string): Promise<KeyMaterial> {
  return { issuer, ...await generateIssuerKeyPair({ algorithm: "ES256" }) };
}

export async function registerCast(target: LocalTarget, sql: Sql, keys: CastKeys): Promise<Cast> {
  const now = Math.floor(Date.now() / 1000);
  const honest = { sub: "press-1", role: "widgets_writer", aud: target.url, canary: CANARY };
  const rsa = [...keys.rsa];

  const register = async (
    issuer: string,
    policy: PolicyFields & { notBefore?: number; notAfter?: number },
    change: Record<string, unknown> = {},
  ) => {
    const material = issuer === "warehouse" ? { issuer, ...rsa.pop()! } : await keyFor(issuer);
    await registerPublicKey({ sql, ...material, ...policy });
    return new TokenForge(material, { ...honest, ...change });
  };

  const roles = ["widgets_writer"];
  const cast: Cast = {
    warehouse: await register("warehouse", { roles }),
    revokedKey: await register("warehouse", {}),
    standbyKey: await register("warehouse", { notBefore: now + 86_400 }),
    retiredKey: await register("warehouse", { notAfter: now - 60 }),
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
  await revokeKey({ sql }, cast.revokedKey.material.kid);
  await deactivateIssuer({ sql }, "closed");
  return cast;
}
