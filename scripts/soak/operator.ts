/** The registry's changes: issuers come, are shut out and let in, lose roles, and rotate their keys. */
import { keyFor } from "@countersign/fixture";
import {
  activateIssuer,
  deactivateIssuer,
  enableGuard,
  registerPublicKey,
  revokeKey,
  rotateKey,
  setPolicy,
} from "@countersign/registry-admin";
import type postgres from "postgres";
import type { History } from "./model.ts";
import { ROLE, Signer, type Stage } from "./services.ts";

const REFUSED = "401 token_refused";
const ACCEPTED = "201";

export class Operator {
  readonly #stage: Stage;
  readonly #sql: postgres.Sql;
  readonly #running: Promise<void>[] = [];
  readonly #stop = Promise.withResolvers<void>();
  /** How often what was done. */
  readonly done = new Map<string, number>();
  #stopped = false;

  constructor(stage: Stage, sql: postgres.Sql) {
    this.#stage = stage;
    this.#sql = sql;
  }

  /** An issuer that works from now on. */
  async register(issuer: string, policy: { singleUse?: boolean } = {}): Promise<Signer> {
    const signer = await Signer.create(this.#stage, issuer, ACCEPTED);
    await registerPublicKey({ sql: this.#sql, ...signer.material, roles: [ROLE], ...policy });
    return signer;
  }

  /** Shuts an issuer out and lets it in again. */
  switches(signer: Signer, seconds: number): void {
    const target = { sql: this.#sql };
    this.#every(seconds, "issuer shut out or let in", async () => {
      const isActive = signer.verdicts.current === ACCEPTED;
      await signer.verdicts.change(
        isActive ? REFUSED : ACCEPTED,
        () => (isActive ? deactivateIssuer : activateIssuer)(target, signer.issuer),
      );
    });
  }

  /** Takes an issuer's role and gives it back. */
  polices(signer: Signer, seconds: number): void {
    this.#every(seconds, "policy changed", async () => {
      const isAllowed = signer.verdicts.current === ACCEPTED;
      await signer.verdicts.change(
        isAllowed ? "403 role_not_allowed" : ACCEPTED,
        () => setPolicy({ sql: this.#sql }, signer.issuer, { roles: isAllowed ? [] : [ROLE] }),
      );
    });
  }

  /** Rotates an issuer's key, and revokes the one before a while later. */
  rotates(first: Signer, seconds: number): { current(): Signer; former(): Signer | undefined } {
    let current = first;
    let former: Signer | undefined;
    this.#every(seconds, "key rotated", async () => {
      const next = await Signer.create(this.#stage, first.issuer, REFUSED);
      const { publicKey } = next.material;
      await next.verdicts.change(
        ACCEPTED,
        () => rotateKey({ sql: this.#sql, issuer: first.issuer, publicKey }),
      );
      [current, former] = [next, current];
      await this.#pause(seconds / 3);
      const { kid } = former.material;
      await former.verdicts.change(REFUSED, () => revokeKey({ sql: this.#sql }, kid));
    });
    return { current: () => current, former: () => former };
  }

  /** Registers a new issuer that was asked for before. */
  welcomes(seconds: number): () => Signer | undefined {
    let newest: Signer | undefined;
    let count = 0;
    this.#every(seconds, "issuer registered", async () => {
      const signer = new Signer(
        this.#stage,
        await keyFor(`newcomer-${count++}`),
        REFUSED,
        true,
      );
      newest = signer;
      await this.#pause(seconds / 4);
      await signer.verdicts.change(
        ACCEPTED,
        () => registerPublicKey({ sql: this.#sql, ...signer.material, roles: [ROLE] }),
      );
    });
    return () => newest;
  }

  /** Turns the guard on once this much time has passed. */
  guards(guard: History<boolean>, seconds: number, isEffective: () => Promise<boolean>): void {
    this.#running.push((async () => {
      await this.#pause(seconds);
      if (this.#stopped) return;
      await guard.change(true, async () => {
        await enableGuard({ sql: this.#sql });
        if (!await isEffective()) throw new Error("PostgREST does not call the guard yet");
      });
    })());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#stop.resolve();
    await Promise.all(this.#running);
  }

  #every(seconds: number, what: string, step: () => Promise<void>): void {
    this.#running.push((async () => {
      for (;;) {
        await this.#pause(seconds * (0.5 + Math.random()));
        if (this.#stopped) return;
        await step();
        this.done.set(what, (this.done.get(what) ?? 0) + 1);
      }
    })());
  }

  async #pause(seconds: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const passed = new Promise<void>((resolve) => timer = setTimeout(resolve, seconds * 1_000));
    await Promise.race([passed, this.#stop.promise]);
    clearTimeout(timer);
  }
}
