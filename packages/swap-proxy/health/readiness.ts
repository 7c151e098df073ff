import type { ProviderState } from "@countersign/verifier";
import type { ProxySettings } from "../options/proxy_settings.ts";
import { probeGuard } from "./probe_guard.ts";
import type { RoleClaim } from "./probe_role_claim.ts";
import { probeSignature, type Upstream } from "./probe_signature.ts";
import type { RoleClaimGate } from "./role_claim_gate.ts";

/** Whether the guard is called, where the database says that it is on. */
type Guard = "ok" | "not_called" | "off" | "unknown";

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
/** Milliseconds for which a good verdict about PostgREST's configuration serves; each costs a line in Postgres' log. */
const CONFIGURATION_LIFETIME = 30_000;

/** Makes what checks everything that a request passes on its way. */
export function checkReadiness(
  settings: ProxySettings,
  roleClaim: RoleClaimGate,
): () => Promise<Readiness> {
  const { keySource, providerKeys, now } = settings;
  let lastGuard: { readonly at: number; readonly guard: Guard } | undefined;

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
    const [role_claim, guard] = await Promise.all([
      roleClaim.verdict(CONFIGURATION_LIFETIME),
      guardOf(),
    ]);
    return { role_claim, guard };
  }

  async function guardOf(): Promise<Guard> {
    const at = now();
    if (lastGuard !== undefined && isWithin(at - lastGuard.at) && isFine(lastGuard.guard)) {
      return lastGuard.guard;
    }
    const [call, isOn] = await Promise.all([probeGuard(settings), databaseSays()]);
    const guard = call === "called" ? "ok" : call === "unknown" ? call : isOn ? call : "off";
    lastGuard = { at, guard };
    return guard;
  }

  /** Whether the guard is on; `undefined` where the registry cannot say. */
  async function databaseSays(): Promise<boolean | undefined> {
    try {
      return await keySource.guardIsOn?.();
    } catch {
      return undefined;
    }
  }
}

function isReady({ registry, upstream, signature, role_claim, guard }: Readiness["checks"]) {
  return registry === "ok" && upstream === "ok" && signature === "ok" && role_claim !== "wrong" &&
    guard !== "not_called";
}

function isFine(guard: Guard): boolean {
  return guard === "ok" || guard === "off";
}

/** Not for an age below zero: a clock that was set back says nothing. */
function isWithin(age: number): boolean {
  return age >= 0 && age < CONFIGURATION_LIFETIME;
}
