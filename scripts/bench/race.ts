/** Several servers under the same load, in turn, so that whatever else the machine does hits all of them. */
import { cpuSeconds } from "./cpu.ts";
import { percentile, sendLoad, type Target } from "./load.ts";
import { type Result, result } from "./results/report.ts";

const WARM_UP = 1_000;

export interface Contender extends Target {
  readonly name: string;
  /** The process whose time is counted, where there is one. */
  readonly pid?: number;
}

interface Round {
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
  /** Microseconds of processor time a request. */
  readonly cpu: number;
}

export interface Course {
  readonly connections: number;
  /** A round's. */
  readonly requests: number;
}

/** How many tokens a contender needs that takes a new one for each request. */
export function tokensNeeded(courses: readonly Course[], rounds: number): number {
  return WARM_UP + rounds * courses.reduce((sum, { requests }) => sum + requests, 0);
}

export class Race {
  readonly #rounds = new Map<string, Round[]>();

  static async run(
    contenders: readonly Contender[],
    courses: readonly Course[],
    rounds: number,
  ): Promise<Race> {
    const race = new Race();
    for (const contender of contenders) await sendLoad(contender, 16, WARM_UP);
    for (let round = 0; round < rounds; round++) {
      for (const course of courses) {
        // Backwards every other time, so that a machine that slows down favours nobody.
        for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
          race.#samples(contender, course).push(await oneRound(contender, course));
        }
      }
    }
    return race;
  }

  /** What a contender does on a course. */
  results(contender: Contender, course: Course): Result[] {
    const title = `${connections(course)}: ${contender.name}`;
    const of = (figure: keyof Round) => this.#samples(contender, course).map((r) => r[figure]);
    return [
      result(`${title}, p50`, "ms", "less", of("p50")),
      result(`${title}, p99`, "ms", "less", of("p99")),
      result(`${title}, requests`, "/s", "more", of("perSecond")),
      ...(contender.pid === undefined
        ? []
        : [result(`${title}, processor time`, "µs", "less", of("cpu"))]),
    ];
  }

  /** One contender held against another: ratios of rounds that are neighbours in time. */
  compared(contender: Contender, other: Contender, course: Course): Result[] {
    const title = `${connections(course)}: ${contender.name} / ${other.name}`;
    const others = this.#samples(other, course);
    const of = (compare: (ours: Round, theirs: Round) => number) =>
      this.#samples(contender, course).map((round, i) => compare(round, others[i]!));
    const added = of((ours, theirs) => ours.p50 - theirs.p50);
    const throughput = of((ours, theirs) => ours.perSecond / theirs.perSecond);
    const cpu = of((ours, theirs) => ours.cpu / theirs.cpu);
    return [
      result(`${title}, p50`, "×", "less", of((ours, theirs) => ours.p50 / theirs.p50)),
      result(`${title}, p50 added`, "ms", "less", added),
      result(`${title}, requests`, "×", "more", throughput),
      ...(contender.pid === undefined || other.pid === undefined
        ? []
        : [result(`${title}, processor time`, "×", "less", cpu)]),
    ];
  }

  #samples({ name }: Contender, { connections }: Course): Round[] {
    const key = `${connections} ${name}`;
    const samples = this.#rounds.get(key) ?? [];
    this.#rounds.set(key, samples);
    return samples;
  }
}

async function oneRound(contender: Contender, { connections, requests }: Course): Promise<Round> {
  const { pid } = contender;
  const cpu = pid === undefined ? 0 : await cpuSeconds(pid);
  const { latencies, perSecond } = await sendLoad(contender, connections, requests);
  return {
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    perSecond,
    cpu: pid === undefined ? NaN : (await cpuSeconds(pid) - cpu) * 1e6 / requests,
  };
}

function connections({ connections }: Course): string {
  return `${connections} connection${connections === 1 ? "" : "s"}`;
}
