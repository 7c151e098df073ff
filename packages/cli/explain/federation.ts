import {
  getIssuerRecord,
  getProviderRecord,
  type RegistryTarget,
} from "@countersign/registry-admin";
import {
  type IssuerRecord,
  type ProviderKeys,
  type ProviderRecord,
  remoteProviderKeys,
} from "@countersign/verifier";
import type { CliIo } from "../io.ts";
import type { UnverifiedToken } from "./read_unverified.ts";
import type { StepName } from "./steps.ts";
import { type Facts, members, time } from "./token_facts.ts";

/** What a provider's token is held against. */
export interface Federation {
  readonly provider: ProviderRecord;
  /** The issuers that its rules name. */
  readonly issuers: readonly IssuerRecord[];
  readonly keys: ProviderKeys;
}

/** The provider that a token names, if it is registered. Its keys are fetched as the function fetches them. */
export async function federationOf(
  target: RegistryTarget,
  name: string,
  io: CliIo,
): Promise<Federation | undefined> {
  const provider = await getProviderRecord(target, name);
  if (provider === undefined) return undefined;
  const names = Array.from(new Set(provider.rules.map(({ issuer }) => issuer)));
  const issuers = await Promise.all(names.map((issuer) => getIssuerRecord(target, issuer)));
  return {
    provider,
    issuers: issuers.filter((record) => record !== undefined),
    keys: remoteProviderKeys({ fetch: io.fetch, now: io.now }),
  };
}

/**
 * Puts side by side what a provider's token says of a step and what it is held against.
 *
 * Nothing for the policy: the rules are shown condition by condition, and of the token only what they name.
 */
export function federatedFacts(
  step: StepName,
  { header, claims }: UnverifiedToken,
  { provider }: Federation,
  now: number,
): Facts | undefined {
  const { rules, algorithms, keysFrom, jwksUri, revokedKids } = provider;
  switch (step) {
    case "issuer":
      return {
        token: members(claims, ["iss"]),
        registry: `provider ${provider.provider}, ${provider.isActive ? "active" : "deactivated"}`,
      };
    case "key":
    case "signature":
      return {
        token: members(header, ["kid", "alg"]),
        registry: [
          `keys ${keysFrom === "jwks" ? "in the registry" : `from ${jwksUri ?? "discovery"}`}`,
          `algorithms ${algorithms.join(", ")}`,
          ...revokedKids.map((kid) => `${kid} revoked`),
        ].join(", "),
      };
    case "times":
      return {
        token: ["iat", "nbf", "exp"].map((name) => `${name} ${time(claims[name])}`).join(", "),
        registry: [
          `now ${time(now / 1000)}`,
          ...rules.map(({ name, maxTokenLifetime }) =>
            `at most ${maxTokenLifetime}s from iat to exp by rule ${name}`
          ),
        ].join(", "),
      };
    case "audience":
      return {
        token: members(claims, ["aud"]),
        registry:
          rules.map(({ name, audiences }) => `one of ${JSON.stringify(audiences)} by rule ${name}`)
            .join(", ") || "no rule",
      };
    case "form":
    case "policy":
      return undefined;
  }
}
