import {
  listProviders,
  listRules,
  type RegisteredRule,
  type RegistryTarget,
} from "@countersign/registry-admin";
import { type FederationRule, judgeRule, type ProviderRecord } from "@countersign/verifier";
import type { JudgedRule } from "./rule_lines.ts";

/** A provider as a verifier sees it, with its rules; `undefined` for a name that is not registered. */
export async function providerRecord(
  target: RegistryTarget,
  name: string,
): Promise<ProviderRecord | undefined> {
  const found = (await listProviders(target)).find(({ issuer }) => issuer === name);
  if (found === undefined) return undefined;
  const rules = (await listRules(target)).filter(({ provider }) => provider === name);
  const { isActive, keysFrom, jwksUri, jwks, algorithms, allowPrivate, revokedKids } = found;
  return {
    provider: name,
    isActive,
    keysFrom,
    jwksUri,
    jwks,
    algorithms,
    allowPrivate,
    revokedKids,
    rules: rules.map(federationRule),
  };
}

/** A rule as a verifier sees it. */
export function federationRule(rule: RegisteredRule): FederationRule {
  const { description: _, createdAt: _c, updatedAt: _u, provider: _p, ...rest } = rule;
  return rest;
}

/** Holds every rule of a provider against a token's claims. */
export function judgedRules(
  rules: readonly FederationRule[],
  claims: Readonly<Record<string, unknown>>,
): JudgedRule[] {
  return rules.map((rule) => ({
    ...judgeRule(rule, claims),
    issuer: rule.issuer,
    state: rule.isActive ? (rule.mode === "observe" ? "observing" : "active") : "deactivated",
  }));
}
