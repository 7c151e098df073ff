/** The function as processes of its own, and what they hold. */
import { type RunningFunction, spawnServer } from "@countersign/fixture/stage";
import { until } from "@countersign/fixture";
import type { Held } from "./function.ts";

const COMMAND = ["run", "-A", "--v8-flags=--expose-gc", "scripts/soak/function.ts"];
/** Milliseconds until a process that says nothing counts as dead. */
const PATIENCE = 60_000;

export class Proxy implements AsyncDisposable {
  readonly name: string;
  /** What was held after each collection. */
  readonly kept: Held[] = [];
  readonly #env: Readonly<Record<string, string>>;
  #running: RunningFunction;

  private constructor(
    name: string,
    env: Readonly<Record<string, string>>,
    running: RunningFunction,
  ) {
    this.name = name;
    this.#env = env;
    this.#running = running;
  }

  static async start(name: string, env: Readonly<Record<string, string>>): Promise<Proxy> {
    return new Proxy(name, env, await spawnServer(Deno.execPath(), COMMAND, env));
  }

  get origin(): string {
    return this.#running.origin;
  }

  /** The most resident memory of all the seconds so far, in bytes. */
  get mostResident(): number {
    return Math.max(...this.#said().map(({ resident }) => resident));
  }

  /** Has it collect its garbage, and notes what is left. */
  async collect(): Promise<void> {
    const what = `the ${this.name} proxy says what it holds`;
    await until(what, () => this.#said().length > 0, PATIENCE);
    const before = this.#said().length;
    Deno.kill(this.#said()[0]!.pid, "SIGUSR2");
    const collected = () => this.#said().slice(before).find(({ isCollected }) => isCollected);
    await until(what, () => collected() !== undefined, PATIENCE);
    this.kept.push(collected()!);
  }

  /** Ends it with SIGKILL in the midst of its requests, and starts another. */
  async replace(): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
    this.#running = await spawnServer(Deno.execPath(), COMMAND, this.#env);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
  }

  #said(): Held[] {
    const lines = this.#running.printed().matchAll(/^holds (\{.*\})\n/gm);
    return [...lines].map(([, held]) => JSON.parse(held!));
  }
}
