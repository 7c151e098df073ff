/** Whether what a proxy holds is flat: what is in use after a collection, and no more than a bound of the rest. */
import type { Held } from "./function.ts";
import type { Proxy } from "./proxies.ts";

const MB = 1024 * 1024;
/** How often the proxies are asked what they hold, the last time at the end. */
export const COLLECTIONS = 12;
/** Bytes by which it may grow meanwhile: issuers that came, and code that was compiled. */
const MORE_IN_USE = 2 * MB;
const MORE_DESCRIPTORS = 20;
/** Bytes that may be resident at any time: what an edge worker has. Most is garbage, which V8 collects lazily. */
const MOST_RESIDENT = 256 * MB;

/** What has grown in a run that was long enough to settle. The first quarter does not count. */
export function growth(kept: readonly Held[]): string[] {
  const settled = kept.slice(Math.ceil(kept.length / 4));
  const inUse = rise(settled.map(({ heap, external }) => heap + external));
  const descriptors = Math.round(rise(settled.map((held) => held.descriptors)));
  const grown: string[] = [];
  if (inUse > MORE_IN_USE) grown.push(`has come to hold ${inMb(inUse)} MB more`);
  if (descriptors > MORE_DESCRIPTORS) {
    grown.push(`has come to have ${descriptors} more descriptors open`);
  }
  return grown;
}

/** By the median slope of all pairs (Theil and Sen), which a crowd that is there at the time does not move. */
function rise(samples: readonly number[]): number {
  const slopes = samples.flatMap((from, i) =>
    samples.slice(i + 1).map((to, n) => (to - from) / (n + 1))
  ).sort((a, b) => a - b);
  return (slopes[Math.floor(slopes.length / 2)] ?? 0) * (samples.length - 1);
}

/** What is wrong about a proxy's memory at any time. */
export function excess({ mostResident }: Proxy): string[] {
  return mostResident > MOST_RESIDENT ? [`has ${inMb(mostResident)} MB resident`] : [];
}

export function inMb(bytes: number): number {
  return Math.round(bytes / MB * 10) / 10;
}
