import type { RegistryIdentity } from "@countersign/verifier";
import type { ProxySettings } from "../options/proxy_settings.ts";
import { VERSION } from "../version.ts";

/** What an operator compares with what he meant. Nothing of it is secret, and no issuer is named. */
export interface Facts {
  readonly version: string;
  /** What the proxy answers to as `aud`. */
  readonly audience: readonly string[];
  /** Whether `allowedIssuers` leaves registered issuers out. */
  readonly issuers_restricted: boolean;
  /** `null` for a registry that does not say, or cannot be read. */
  readonly registry: RegistryIdentity | null;
}

/** Gathers the facts; only the registry is asked for them. */
export async function factsOf({ verify, keySource }: ProxySettings): Promise<Facts> {
  const { audience = [], allowedIssuers } = verify;
  return {
    version: VERSION,
    audience: typeof audience === "string" ? [audience] : [...audience],
    issuers_restricted: allowedIssuers !== undefined,
    registry: await identity(keySource),
  };
}

async function identity(keySource: ProxySettings["keySource"]): Promise<RegistryIdentity | null> {
  try {
    return await keySource.identity?.() ?? null;
  } catch {
    return null;
  }
}
