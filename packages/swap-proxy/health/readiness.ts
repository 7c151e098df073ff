import type { ProviderState } from "@countersign/verifier";
import type { ProxySettings } from "../options/proxy_settings.ts";
import type { Guard, GuardGate } from "./guard_gate.ts";
import type { RoleClaim } from "./probe_role_claim.ts";
import { probeSignature, type Upstream } from "./probe_signature.ts";
import type { RoleClaimGate } from "./role_claim_gate.ts";

/** The body of `/-/readyz`, but for the facts. */
export interface Readiness {
  readonly status: "ready" | "not_ready";
  readonly checks: Upstream & {
    readonly registry: "ok" | "no_seal_key" | "unavailable";
    readonly role_claim: RoleClaim;
    readonly guard: Guard;
    /** By name, the OIDC providers whose keys were asked for. One that is down keeps nobody else from being served. */
    readonly providers?: Readonly<Record<string, ProviderState["state"]>>;
  };
}

/** No issuer has this name; asking for it exercises the way to all of them. */
const NO_ISSUER = "countersign_readyz";
/** Milliseconds for which a good verdict about the role's claim serves; each costs a line in Postgres' log. */
const CONFIGURATION_LIFETIME = 30_000;

/** Makes what checks everything that a request passes on its way. */
export function checkReadiness(
  settings: ProxySettings,
  roleClaim: RoleClaimGate,
  guard: GuardGate,
): () => Promise<Readiness> {
  const { keySource, providerKeys } = settings;

  return async () => {
    const [registry, upstream] = await Promise.all([readRegistry(), probeSignature(settings)]);
    const configuration = upstream.signature === "ok"
      ? await configurationOf()
      : { role_claim: "unknown", guard: "unknown" } as const;
    const checks = { registry, ...upstream, ...configuration, ...providerStates() };
    return { status: isReady(checks) ? "ready" : "not_ready", checks };
  };

  function providerStates(): Pick<Readiness["checks"], "providers"> {
    const states = providerKeys.states?.() ?? [];
    if (states.length === 0) return {};
    return {
      providers: Object.fromEntries(states.map(({ provider, state }) => [provider, state])),
    };
  }

  async function readRegistry(): Promise<Readiness["checks"]["registry"]> {
    try {
      await (keySource.check?.() ?? keySource.find(NO_ISSUER));
      if (keySource.sealKey === undefined) return "ok";
      return await keySource.sealKey() === undefined ? "no_seal_key" : "ok";
    } catch {
      return "unavailable";
    }
  }

  async function configurationOf(): Promise<Pick<Readiness["checks"], "role_claim" | "guard">> {
    const [role_claim, called] = await Promise.all([
      roleClaim.verdict(CONFIGURATION_LIFETIME),
      guard.verdict(),
    ]);
    return { role_claim, guard: called };
  }
}

function isReady({ registry, upstream, signature, role_claim, guard }: Readiness["checks"]) {
  return registry === "ok" && upstream === "ok" && signature === "ok" && role_claim !== "wrong" &&
    guard !== "not_called";
}
