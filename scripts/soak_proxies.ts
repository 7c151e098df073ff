/** The function as processes of its own, and what they take of memory. */
import { type MeasuredFunction, startMeasured } from "../functions/rest/tests/faults/fault.ts";

const MB = 1024 * 1024;

export class Proxy implements AsyncDisposable {
  readonly name: string;
  readonly #env: Readonly<Record<string, string>>;
  #running: MeasuredFunction;
  /** Most resident memory in each second since the process started, in MB. */
  #resident: number[] = [];

  private constructor(
    name: string,
    env: Readonly<Record<string, string>>,
    running: MeasuredFunction,
  ) {
    this.name = name;
    this.#env = env;
    this.#running = running;
  }

  static async start(name: string, env: Readonly<Record<string, string>>): Promise<Proxy> {
    return new Proxy(name, env, await startMeasured(env));
  }

  get origin(): string {
    return this.#running.origin;
  }

  get printed(): string {
    return this.#running.printed();
  }

  /** To be called once a second. */
  sample(): void {
    const peak = this.#running.peakMemory() / MB;
    if (Number.isFinite(peak)) this.#resident.push(peak);
  }

  /** Ends it with SIGKILL in the midst of its requests, and starts another. */
  async replace(): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
    this.#running = await startMeasured(this.#env);
    this.#resident = [];
  }

  /** Medians of the second and of the last quarter of its life. */
  memory(): { earlier: number; later: number; most: number } {
    const quarter = Math.floor(this.#resident.length / 4);
    return {
      earlier: median(this.#resident.slice(quarter, 2 * quarter)),
      later: median(this.#resident.slice(3 * quarter)),
      most: Math.round(Math.max(...this.#resident)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
  }
}

function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length / 2)] ?? NaN);
}
