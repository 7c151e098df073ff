import assert from "node:assert/strict";
import { UPSTREAM_TIMEOUT } from "@countersign/fixture/stage";
import { type Fault, startMeasured, wellAgain } from "./fault.ts";
import { upload, zeros } from "./load/upload.ts";

const MB = 1024 * 1024;
/** More than all the buffers between here and the upstream hold. */
const TOO_MUCH = 64 * MB;

/** A slow client is not a slow upstream; one that takes nothing any more is. */
export const SLOW_UPLOAD: Fault = {
  name: "a slow upload, and an upstream that stops taking it",
  async run(scene) {
    const { stage } = scene;
    const token = stage.billing.token();
    await using upstream = new RawUpstream();
    await using running = await startMeasured({
      ...stage.env,
      COUNTERSIGN_UPSTREAM_URL: upstream.url,
    });

    const started = performance.now();
    const slow = await upload(running.origin, token, 2 * MB, zeros(2 * MB, MB / 4, 300));
    assert.match(slow, /^HTTP\/1.1 200 /);
    assert.ok(performance.now() - started > 2 * UPSTREAM_TIMEOUT, "it was not slow");

    for (const taken of [0, 8 * MB]) {
      upstream.takes = taken;
      const stuck = await upload(running.origin, token, TOO_MUCH, zeros(TOO_MUCH));
      const took = Math.round(performance.now() - upstream.stoppedAt);
      assert.match(stuck, /^HTTP\/1.1 504 /);
      // What the buffers between here and there still take is on its way up, too.
      assert.ok(took < UPSTREAM_TIMEOUT + 2_000, `${took} ms`);
      scene.recovered.set(`${this.name}: 504 after it stopped at ${taken / MB} MB`, took);
    }
    upstream.takes = Infinity;
    await wellAgain(scene, this.name, 1_000, running);
  },
};

/** Takes so many bytes of a request, and answers once it has the end. */
class RawUpstream implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #sockets = new Set<Deno.TcpConn>();
  readonly #accepting = this.#accept();
  takes = Infinity;
  stoppedAt = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const socket of this.#sockets) socket.close();
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    for await (const socket of this.#listener) {
      this.#sockets.add(socket);
      this.#answer(socket).catch(() => {}); // The function hung up.
    }
  }

  async #answer(socket: Deno.TcpConn): Promise<void> {
    const chunk = new Uint8Array(64 * 1024);
    let taken = 0;
    let text = "";
    while (taken < this.takes) {
      const read = await socket.read(chunk);
      if (read === null) return;
      taken += read;
      text += new TextDecoder().decode(chunk.subarray(0, read));
      // The function sends a body in chunks, of which the last is empty.
      const isWhole = text.endsWith(text.startsWith("POST ") ? "\r\n0\r\n\r\n" : "\r\n\r\n");
      if (!isWhole) continue;
      text = "";
      const answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
      await socket.write(new TextEncoder().encode(answer));
    }
    this.stoppedAt = performance.now();
  }
}
