import assert from "node:assert/strict";
import { type Attempt, until, verdict } from "@countersign/fixture";
import { type RunningFunction, spawnServer, type Stage } from "@countersign/fixture/stage";

/** One fault: what it does to the real components, and what must hold meanwhile and afterwards. */
export interface Fault {
  readonly name: string;
  run(scene: Scene): Promise<void>;
}

/** Where faults happen: the function is a process of its own and asks PostgREST directly. */
export interface Scene {
  readonly stage: Stage;
  readonly function: MeasuredFunction;
  /** Milliseconds, by the fault's name. */
  readonly recovered: Map<string, number>;
}

export const GET: Attempt = { method: "GET", path: "/rest/v1/invoices?select=name&limit=1" };

/** What an honest read is answered. */
export async function read({ stage }: Scene, { origin }: RunningFunction): Promise<string> {
  return verdict(await stage.send({ ...GET, token: stage.billing.token() }, origin));
}

/** What a read with a signature of nobody's is answered. */
export async function forgedRead({ stage }: Scene, { origin }: RunningFunction): Promise<string> {
  const token = stage.billing.token({ signature: () => new Uint8Array(64).fill(7) });
  return verdict(await stage.send({ ...GET, token }, origin));
}

/** Refusals of ours. What PostgREST says while it finds its own way back is another matter. */
const OURS = /registry_unavailable|upstream_|downstream_|internal_error/;

/**
 * Measures, from the end of the fault on, how long the function itself stands in the way, and how
 * long it takes until an honest request passes.
 */
export async function wellAgain(
  scene: Scene,
  name: string,
  within = 1_000,
  running: RunningFunction = scene.function,
): Promise<void> {
  const gone = performance.now();
  let took = 0;
  let isOurs = true;
  await until("an honest request passes", async () => {
    const given = await read(scene, running);
    // The last refusal of ours was over when anything else was answered.
    if (isOurs) took = Math.round(performance.now() - gone);
    isOurs = OURS.test(given);
    return given === "200";
  }, 15_000);
  scene.recovered.set(name, took);
  const total = Math.round(performance.now() - gone);
  if (total > took) scene.recovered.set(`${name}: PostgREST too`, total);
  assert.ok(took <= within, `well again after ${took} ms`);
}

export interface MeasuredFunction extends RunningFunction {
  /** The most resident memory since the last call, in bytes. */
  peakMemory(): number;
}

/** The function as a process that also says how much memory it takes. */
export async function startMeasured(
  env: Readonly<Record<string, string>>,
): Promise<MeasuredFunction> {
  const script = "functions/rest/tests/faults/load/measured_function.ts";
  const running = await spawnServer(Deno.execPath(), ["run", "-A", script], env);
  await until("it says how much", () => running.printed().includes("resident "));
  let seen = 0;
  return {
    ...running,
    peakMemory() {
      const printed = running.printed();
      const news = printed.slice(seen);
      seen = printed.length;
      return Math.max(...news.matchAll(/resident (\d+)\n/g).map(([, bytes]) => Number(bytes)));
    },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}
