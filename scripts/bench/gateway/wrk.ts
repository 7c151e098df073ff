/** Load from wrk: a sender in C, so that what is measured is not the sender. */

export interface WrkTarget {
  readonly url: string;
  readonly token: string;
}

export interface WrkLoad {
  readonly requests: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
}

/** Fails where wrk is missing, and at any answer that is not 2xx. */
export async function sendWrk(
  { url, token }: WrkTarget,
  connections: number,
  seconds: number,
): Promise<WrkLoad> {
  const { success, stdout, stderr } = await new Deno.Command("wrk", {
    args: [
      "--threads=1",
      `--connections=${connections}`,
      `--duration=${seconds}s`,
      "--latency",
      `--header=Authorization: Bearer ${token}`,
      url,
    ],
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`wrk failed: ${new TextDecoder().decode(stderr)}${text}`);
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(`Expected 2xx from ${url}: ${text}`);
  return {
    requests: Number(found(text, /(\d+) requests in/)[1]),
    perSecond: Number(found(text, /Requests\/sec: +([\d.]+)/)[1]),
    p50: milliseconds(found(text, /50% +([\d.]+)(us|ms|s)/)),
  };
}

function found(text: string, pattern: RegExp): RegExpExecArray {
  const match = pattern.exec(text);
  if (match === null) throw new Error(`Expected ${pattern} in wrk's output: ${text}`);
  return match;
}

function milliseconds([, value, unit]: RegExpExecArray): number {
  return Number(value) * (unit === "us" ? 0.001 : unit === "ms" ? 1 : 1000);
}
