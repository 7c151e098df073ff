/**
 * Latencies of one known issuer, one request at a time, in a process of its own: beside the flood it would
 * measure how busy the flood's sender is.
 *
 * `deno run -A scripts/bench/registry/probe.ts ORIGIN TOKEN` goes on until its standard input ends.
 */
import { fileURLToPath } from "node:url";
import { HttpConnection, requestText } from "@countersign/fixture";

/** Milliseconds between requests. */
const PAUSE = 5;
/** Requests that are not counted, while the process warms up. */
const WARMING = 100;

/** Milliseconds of each request for as long as `running` takes. */
export async function probeWhile(
  origin: string,
  token: string,
  run: () => Promise<unknown>,
): Promise<number[]> {
  await using probe = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", fileURLToPath(import.meta.url), origin, token],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = probe.stdout.pipeThrough(new TextDecoderStream()).getReader();
  await reader.read(); // "ready"
  await run();
  await probe.stdin.close();
  let printed = "";
  for (let part; !(part = await reader.read()).done;) printed += part.value;
  return JSON.parse(printed);
}

if (import.meta.main) {
  let isOver = false;
  Deno.stdin.read(new Uint8Array(1)).then(() => isOver = true);
  const latencies = await probe(Deno.args[0]!, Deno.args[1]!, () => isOver);
  console.log(JSON.stringify(latencies));
}

async function probe(origin: string, token: string, isOver: () => boolean): Promise<number[]> {
  const latencies: number[] = [];
  using connection = await HttpConnection.open(origin);
  for (let count = 0; !isOver(); count++) {
    const started = performance.now();
    const { status } = await connection.send(requestText({ method: "GET" }, token));
    if (count === WARMING) console.log("ready");
    if (count > WARMING) latencies.push(performance.now() - started);
    if (status !== 200) throw new Error(`Expected 200 for the known issuer, got ${status}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  return latencies;
}
