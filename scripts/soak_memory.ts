/** Whether what a proxy holds is flat: what is in use after a collection, and no more than a bound of the rest. */
import type { Held } from "./soak_function.ts";
import type { Proxy } from "./soak_proxies.ts";

const MB = 1024 * 1024;
/** How often the proxies are asked what they hold, the last time at the end. */
export const COLLECTIONS = 12;
/** Bytes by which the second half may exceed the first: issuers that came meanwhile, and code that was compiled. */
const MORE_IN_USE = 2 * MB;
/** A crowd of strangers that is there at the time. */
const MORE_DESCRIPTORS = 60;
/** Bytes that may be resident at any time: what an edge worker has. Most is garbage, which V8 collects lazily. */
const MOST_RESIDENT = 256 * MB;

/** What has grown in a run that was long enough to settle. The first quarter does not count. */
export function growth(kept: readonly Held[]): string[] {
  const settled = kept.slice(Math.ceil(kept.length / 4));
  const middle = Math.floor(settled.length / 2);
  // The least of each half: what happens to be under way only ever adds to it.
  const least = (half: readonly Held[], what: (held: Held) => number) =>
    Math.min(...half.map(what));
  const more = (what: (held: Held) => number) =>
    least(settled.slice(middle), what) - least(settled.slice(0, middle), what);
  const inUse = more(({ heap, external }) => heap + external);
  const descriptors = more((held) => held.descriptors);
  const grown: string[] = [];
  if (inUse > MORE_IN_USE) grown.push(`holds ${inMb(inUse)} MB more than before`);
  if (descriptors > MORE_DESCRIPTORS) {
    grown.push(`has ${descriptors} more descriptors open than before`);
  }
  return grown;
}

/** What is wrong about a proxy's memory at any time. */
export function excess({ mostResident }: Proxy): string[] {
  return mostResident > MOST_RESIDENT ? [`has ${inMb(mostResident)} MB resident`] : [];
}

export function inMb(bytes: number): number {
  return Math.round(bytes / MB * 10) / 10;
}
