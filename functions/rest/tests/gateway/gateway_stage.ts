import { type HttpAnswer, HttpConnection } from "@countersign/fixture";
import {
  behindNginx,
  type Host,
  inProcess,
  openStage,
  type RunningGateway,
  type Stage,
} from "@countersign/fixture/stage";

export interface GatewayStage extends AsyncDisposable {
  readonly stage: Stage;
  readonly gateway: RunningGateway;
  /** Sends these lines and this body to nginx, on a connection with nothing before or after it. */
  raw(lines: readonly string[], body?: string): Promise<HttpAnswer>;
}

/** A target behind nginx, and the function behind that. */
export async function openGatewayStage(
  maxStaleness: string,
  inner: Host = inProcess,
): Promise<GatewayStage> {
  const host = behindNginx(inner);
  const started: RunningGateway[] = [];
  const stage = await openStage({
    ...host,
    async start(env) {
      const running = await host.start(env);
      started.push(running);
      return running;
    },
  }, { env: { COUNTERSIGN_MAX_STALENESS: maxStaleness } });
  const [gateway] = started;
  if (gateway === undefined) throw new Error("Expected the stage to start its host");
  return {
    stage,
    gateway,
    async raw(lines, body = "") {
      using connection = await HttpConnection.open(gateway.origin);
      return await connection.send([...lines, "", body].join("\r\n"));
    },
    [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
  };
}
