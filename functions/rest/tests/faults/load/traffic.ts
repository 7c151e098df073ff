import assert from "node:assert/strict";
import { newName, until, verdict } from "@countersign/fixture";
import type { RunningFunction } from "@countersign/fixture/stage";
import type { Scene } from "../fault.ts";

/**
 * PostgREST's own answers when it has lost Postgres. The 400 has an empty code: the connection broke
 * under the statement.
 */
export const DATABASE_GONE = [/^503 PGRST00\d$/, /^50[03] 57P0\d$/, /^400 without a code$/];

/**
 * Services that never stop writing, and one whose tokens are forged. No constraint keeps invoices
 * unique, so a write that took place twice is seen.
 */
export class Traffic implements AsyncDisposable {
  /** How often each verdict was given to honest writes. */
  readonly verdicts = new Map<string, number>();
  readonly #scene: Scene;
  readonly #running: RunningFunction;
  readonly #sent: string[] = [];
  readonly #acknowledged = new Set<string>();
  readonly #forged: string[] = [];
  readonly #services: Promise<unknown>;
  #stopped = false;

  constructor(scene: Scene, running: RunningFunction = scene.function) {
    this.#scene = scene;
    this.#running = running;
    this.#services = Promise.all([
      ...Array.from({ length: 4 }, () => this.#repeat(() => this.#write())),
      this.#repeat(() => this.#forge()),
    ]);
  }

  /** Waits for this many more writes with the verdict. */
  async sees(wanted: string, more = 5): Promise<void> {
    const enough = (this.verdicts.get(wanted) ?? 0) + more;
    await until(
      `${more} more writes were answered ${wanted}; so far ${[...this.verdicts].join("; ")}`,
      () => (this.verdicts.get(wanted) ?? 0) >= enough,
      10_000,
    );
  }

  /**
   * Ends it, and holds the table against what was answered: every acknowledged write took place
   * once, no other more than once, none of the forged ones.
   *
   * @param faults What writes may have been answered besides 201.
   */
  async settle(faults: readonly RegExp[]): Promise<void> {
    await this[Symbol.asyncDispose]();
    const unexpected = [...this.verdicts.keys()].filter((given) =>
      given !== "201" && !faults.some((fault) => fault.test(given))
    );
    assert.deepEqual(unexpected, []);
    assert.ok(this.#forged.length > 0 && this.#acknowledged.size > 0);
    const rows = await this.#scene.stage.sql<{ name: string; times: number }[]>`
      select name, count(*)::int as times from public.invoices
      where name = any (${[...this.#sent, ...this.#forged]}) group by name`;
    const times = new Map(rows.map((row) => [row.name, row.times]));
    const lost = this.#acknowledged.values().filter((name) => !times.has(name)).toArray();
    const doubled = rows.filter((row) => row.times > 1);
    const unauthorised = this.#forged.filter((name) => times.has(name));
    assert.deepEqual({ lost, doubled, unauthorised }, { lost: [], doubled: [], unauthorised: [] });
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#services;
  }

  async #repeat(step: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      await step();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async #write(): Promise<void> {
    const name = newName();
    this.#sent.push(name);
    const given = await this.#send(name, this.#scene.stage.billing.token());
    if (given === "201") this.#acknowledged.add(name);
    this.verdicts.set(given, (this.verdicts.get(given) ?? 0) + 1);
  }

  async #forge(): Promise<void> {
    const name = newName();
    this.#forged.push(name);
    const { billing } = this.#scene.stage;
    const given = await this.#send(
      name,
      billing.token({ signature: () => new Uint8Array(64).fill(7) }),
    );
    assert.match(given, /^(401 token_refused|503 registry_unavailable)$/);
  }

  async #send(name: string, token: string): Promise<string> {
    const body = JSON.stringify({ name });
    return verdict(
      await this.#scene.stage.send(
        { path: "/rest/v1/invoices", body, token },
        this.#running.origin,
      ),
    );
  }
}
