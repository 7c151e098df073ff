/** Runs the tests with each mutant, in processes that are allowed to hang and to die. */
import type { Mutant } from "./instrument.ts";

const RUNNER = new URL("runner.ts", import.meta.url).pathname;
/** Milliseconds without a word after which a process hangs: it speaks before each test, which has eight seconds. */
const SILENCE = 15_000;

interface Line {
  readonly loaded?: readonly number[];
  readonly reach?: readonly (readonly number[])[];
  readonly durations?: readonly number[];
  readonly trying?: number;
  readonly killed?: number;
  readonly survived?: number;
  readonly flaky?: string;
  readonly failure?: string;
  readonly broken?: string;
}

export class MutantRuns {
  readonly #folder: string;
  readonly #tests: readonly string[];
  readonly #mutants: readonly Mutant[];
  readonly #progress: (done: number, of: number) => void;
  #done = 0;

  constructor(
    folder: string,
    tests: readonly string[],
    mutants: readonly Mutant[],
    progress: (done: number, of: number) => void,
  ) {
    this.#folder = folder;
    this.#tests = tests;
    this.#mutants = mutants;
    this.#progress = progress;
  }

  /** The mutants that no test notices. */
  async survivors(): Promise<Mutant[]> {
    const { atLoading, survived } = await this.#oneAfterTheOther();
    const alive: Mutant[] = [];
    for (const mutant of this.#mutants) {
      const { id, file } = mutant;
      if (!survived.has(id)) continue;
      if (!atLoading.has(id)) {
        alive.push(mutant);
        continue;
      }
      // What a file does while it loads happens once a process, so it needs one of its own.
      const folder = file.slice(0, file.lastIndexOf("/") + 1);
      const near = this.#tests.filter((test) => test.includes(folder));
      const far = this.#tests.filter((test) => !near.includes(test));
      if (await this.#survives(id, near) && await this.#survives(id, far)) alive.push(mutant);
    }
    return alive;
  }

  /** Tries the mutants one after the other in one process, which is started again when one of them hangs. */
  async #oneAfterTheOther() {
    const all = this.#mutants.map(({ id }) => id);
    const left = new Set(all);
    let atLoading = new Set<number>();
    let reach: readonly (readonly number[])[] | undefined;
    let durations: readonly number[] = [];
    const survived = new Set<number>();
    while (left.size > 0 || reach === undefined) {
      let trying: number | undefined;
      const known = reach === undefined ? {} : { reach, durations };
      const orders = { tests: this.#tests, mutants: [...left], ...known };
      const ended = await this.#run(orders, (line) => {
        if (line.broken !== undefined) {
          throw new Error(`The tests cannot be loaded: ${line.broken}`);
        }
        if (line.flaky !== undefined) {
          console.error(`left out, it fails by itself: ${line.flaky}: ${line.failure}`);
        }
        if (line.reach !== undefined) {
          reach = line.reach;
          durations = line.durations ?? [];
          atLoading = new Set(line.loaded);
        }
        trying = line.trying ?? trying;
        const judged = line.killed ?? line.survived;
        if (judged === undefined) return;
        left.delete(judged);
        if (line.survived !== undefined) survived.add(judged);
        this.#tick();
      });
      if (ended) break;
      if (trying === undefined) throw new Error("The tests do not end without a mutant");
      // It hangs, or took the process with it: a test has noticed.
      if (left.delete(trying)) this.#tick();
    }
    return { atLoading, survived };
  }

  async #survives(active: number, tests: readonly string[]): Promise<boolean> {
    if (tests.length === 0) return true;
    let survived = false;
    await this.#run({ tests, mutants: [], active }, (line) => {
      survived ||= line.survived !== undefined;
    });
    return survived;
  }

  /** @returns Whether the process came to its end by itself. */
  async #run(orders: object, onLine: (line: Line) => void): Promise<boolean> {
    const file = `${this.#folder}/orders.json`;
    Deno.writeTextFileSync(file, JSON.stringify(orders));
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        "--no-config",
        "--no-lock",
        "--unstable-no-legacy-abort",
        `--import-map=${this.#folder}/map.json`,
        RUNNER,
        file,
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let timer = setTimeout(() => child.kill("SIGKILL"), 4 * SILENCE);
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        clearTimeout(timer);
        timer = setTimeout(() => child.kill("SIGKILL"), SILENCE);
        onLine(JSON.parse(line));
      }
    }
    clearTimeout(timer);
    return (await child.status).code === 0;
  }

  #tick(): void {
    this.#progress(++this.#done, this.#mutants.length);
  }
}
