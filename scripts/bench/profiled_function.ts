/**
 * The function, which profiles itself: at SIGUSR2 it samples for some seconds what its thread does, and prints it.
 * Configured by the environment, as the function is.
 */
import { Session } from "node:inspector/promises";
import "../../functions/rest/index.ts";

const SECONDS = 3;
/** Microseconds between samples. */
const INTERVAL = 100;

/** Where a sample was taken: a function, and the file it is in. */
export interface Frame {
  readonly functionName: string;
  readonly url: string;
}

/** What is printed after the word `profile`: microseconds by frame. */
export type Profile = readonly (readonly [Frame, number])[];

if (import.meta.main) {
  Deno.addSignalListener("SIGUSR2", async () => {
    console.log(`profile ${JSON.stringify(await profile())}`);
  });
}

async function profile(): Promise<Profile> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: INTERVAL });
  await session.post("Profiler.start");
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1_000));
  const { profile: { nodes, samples = [], timeDeltas = [] } } = await session.post("Profiler.stop");
  session.disconnect();

  const taken = new Map<number, number>();
  for (const [i, node] of samples.entries()) {
    taken.set(node, (taken.get(node) ?? 0) + (timeDeltas[i] ?? 0));
  }
  return nodes.map(({ id, callFrame: { functionName, url } }) => [
    { functionName, url },
    taken.get(id) ?? 0,
  ]);
}
