import type { Answer } from "./ask.ts";

/** What the function's `/-/readyz` says, as far as it is there. */
export interface Readiness {
  readonly checks: Readonly<Record<string, unknown>>;
  readonly facts: {
    readonly version?: string;
    /** Names that the function answers to. */
    readonly audience?: readonly string[];
    /** Whether the function accepts some of the registered issuers only. */
    readonly issuersRestricted?: boolean;
    /** Which database its registry is in. */
    readonly database?: string;
    readonly registryVersion?: string;
  };
}

/** Reads the body of `/-/readyz`; nothing of any other answer. */
export function readinessIn({ body }: Answer): Readiness {
  const facts = object(body.facts);
  const registry = object(facts.registry);
  const { version, audience, issuers_restricted: restricted } = facts;
  return {
    checks: object(body.checks),
    facts: {
      ...(typeof version === "string" && { version }),
      ...(Array.isArray(audience) && { audience: audience.map(String) }),
      ...(typeof restricted === "boolean" && { issuersRestricted: restricted }),
      ...(typeof registry.database === "string" && { database: registry.database }),
      ...(typeof registry.version === "string" && { registryVersion: registry.version }),
    },
  };
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
