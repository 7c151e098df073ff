/** Requests over keep-alive connections, each connection with one at a time. */
import { HttpConnection } from "@countersign/fixture";

export interface Target {
  readonly origin: string;
  readonly path: string;
  /** Called for every request. */
  readonly token: () => string;
}

export interface Load {
  /** Milliseconds of every request, sorted. */
  readonly latencies: Float64Array;
  readonly perSecond: number;
}

/** Fails at the first answer that is not 200. */
export async function sendLoad(
  { origin, path, token }: Target,
  connections: number,
  requests: number,
): Promise<Load> {
  const latencies = new Float64Array(requests);
  let next = 0;
  const client = async () => {
    using connection = await HttpConnection.open(origin);
    for (let at; (at = next++) < requests;) {
      const request =
        `GET ${path} HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\nAuthorization: Bearer ${token()}\r\n\r\n`;
      const started = performance.now();
      const answer = await connection.send(request);
      latencies[at] = performance.now() - started;
      if (answer.status !== 200) throw new Error(`Expected 200, got ${answer.wire}`);
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: connections }, client));
  const perSecond = requests * 1_000 / (performance.now() - started);
  return { latencies: latencies.sort(), perSecond };
}

export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}
