import { requestsShareWork } from "@countersign/verifier";
import { SwapProxyError } from "../errors.ts";
import type { ProxySettings } from "../options/proxy_settings.ts";
import { probeGuard } from "./probe_guard.ts";

/** Whether the guard is called, where the database says that it is on. */
export type Guard = "ok" | "not_called" | "off" | "unknown";

/** Milliseconds for which a good verdict serves; each costs a line in Postgres' log. */
const LIFETIME = 30_000;
/** Milliseconds for which a verdict keeps tokens from being exchanged. */
const REFUSAL_LIFETIME = 1_000;

/**
 * Knows whether PostgREST calls the guard.
 *
 * The cache: one verdict, which serves for at most 30 seconds. Staleness permits that tokens are exchanged for so long after the
 * guard was switched off. On Workers each request asks for itself once that is over.
 */
export class GuardGate {
  readonly #settings: Pick<ProxySettings, "signer" | "forward" | "now" | "keySource">;
  readonly #sharesWork = requestsShareWork();
  #last: { readonly at: number; readonly guard: Guard } | undefined;
  #pending: Promise<Guard> | undefined;

  constructor(settings: Pick<ProxySettings, "signer" | "forward" | "now" | "keySource">) {
    this.#settings = settings;
  }

  /** The verdict: a good one of at most 30 seconds ago, or what PostgREST answers to this question. */
  async verdict(): Promise<Guard> {
    return this.#recent((guard) => guard === "ok" || guard === "off" ? LIFETIME : 0) ??
      await this.#ask();
  }

  /**
   * Makes sure that PostgREST calls the guard, as of at most 30 seconds ago.
   *
   * @throws {SwapProxyError} `guard_required`, also where it cannot be found out.
   */
  async require(): Promise<void> {
    const recent = this.#recent((guard) => guard === "ok" ? LIFETIME : REFUSAL_LIFETIME);
    const guard = recent ?? await this.#ask();
    if (guard !== "ok") {
      throw new SwapProxyError("guard_required", `The guard is ${SAID[guard]}`);
    }
  }

  /** Not for an age below zero: a clock that was set back says nothing. */
  #recent(lifetime: (guard: Guard) => number): Guard | undefined {
    if (this.#last === undefined) return undefined;
    const age = this.#settings.now() - this.#last.at;
    return age >= 0 && age < lifetime(this.#last.guard) ? this.#last.guard : undefined;
  }

  #ask(): Promise<Guard> {
    if (!this.#sharesWork) return this.#askNow();
    return this.#pending ??= this.#askNow().finally(() => this.#pending = undefined);
  }

  async #askNow(): Promise<Guard> {
    const at = this.#settings.now();
    const [call, isOn] = await Promise.all([
      probeGuard(this.#settings).catch(() => "unknown" as const),
      this.#databaseSays(),
    ]);
    const guard = call === "called" ? "ok" : call === "unknown" ? call : isOn ? call : "off";
    this.#last = { at, guard };
    return guard;
  }

  /** Whether the guard is on; `undefined` where the registry cannot say. */
  async #databaseSays(): Promise<boolean | undefined> {
    try {
      return await this.#settings.keySource.guardIsOn?.();
    } catch {
      return undefined;
    }
  }
}

const SAID = {
  not_called: "on in the database and not called by PostgREST: reload or restart it",
  off: "off: run countersign guard enable",
  unknown: "not known to be on: PostgREST cannot be asked",
} as const;
