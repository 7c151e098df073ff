import assert from "node:assert/strict";
import { requestText } from "../attempt.ts";
import { type Fault, read, startMeasured, wellAgain } from "./fault.ts";
import { BODY } from "./size.ts";

const PATH = "/rest/v1/invoices";
const MB = 1024 * 1024;
const SIZE = BODY * MB;
/** What buffers of sockets and the collector's laziness may take; a body that is kept takes `SIZE`. */
const ALLOWANCE = 64 * MB;

export const LARGE_BODY: Fault = {
  name: `bodies of ${BODY} MB stream through, in and out`,
  async run(scene) {
    const { stage } = scene;
    await using running = await startMeasured({
      ...stage.env,
      // It counts from the first byte that goes up, not from the last.
      COUNTERSIGN_UPSTREAM_TIMEOUT: "60s",
    });
    assert.equal(await read(scene, running), "200");
    const before = running.peakMemory();
    const token = stage.billing.token();
    let arrived = 0;
    await stage.upstream.answering(async (request) => {
      for await (const chunk of request.body ?? []) arrived += chunk.length;
      return new Response(request.method === "GET" ? zeros() : null);
    }, async () => {
      assert.match(await upload(running.origin, token), /^HTTP\/1.1 200 /);
      const answer = await fetch(running.origin + PATH, {
        headers: { authorization: `Bearer ${token}` },
      });
      let returned = 0;
      for await (const chunk of answer.body!) returned += chunk.length;
      assert.deepEqual([answer.status, arrived, returned], [200, SIZE, SIZE]);
    });
    const grown = running.peakMemory() - before;
    scene.recovered.set(`${this.name}: MB of memory more than before`, Math.round(grown / MB));
    assert.ok(grown < ALLOWANCE, `${Math.round(grown / MB)} MB more than before`);
    await wellAgain(scene, this.name, 1_000, running);
  },
};

/**
 * Sends a body whose length is said beforehand, as everybody does who has the whole of it; `fetch`
 * sends a stream in chunks.
 *
 * @returns The head of the answer.
 */
async function upload(origin: string, token: string): Promise<string> {
  const { hostname, port } = new URL(origin);
  const headers = [["Content-Length", String(SIZE)], ["Connection", "close"]] as const;
  const head = requestText({ path: PATH, headers, body: "" }, token);
  using socket = await Deno.connect({ hostname, port: Number(port) });
  await new Blob([head]).stream().pipeTo(socket.writable, { preventClose: true });
  await zeros().pipeTo(socket.writable, { preventClose: true });
  const { value } = await socket.readable.getReader().read();
  return new TextDecoder().decode(value);
}

function zeros(): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunk = new Uint8Array(256 * 1024);
  let left = SIZE;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(chunk);
      left -= chunk.length;
      if (left === 0) controller.close();
    },
  });
}
