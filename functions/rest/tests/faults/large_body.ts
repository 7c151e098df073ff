import assert from "node:assert/strict";
import { type Fault, GET, read, startMeasured, wellAgain } from "./fault.ts";

const MB = 1024 * 1024;
const SIZE = 128 * MB;
/** What buffers of sockets and the collector's laziness may take; a body that is kept takes `SIZE`. */
const ALLOWANCE = 64 * MB;

export const LARGE_BODY: Fault = {
  name: `bodies of ${SIZE / MB} MB stream through, in and out`,
  async run(scene) {
    const { stage } = scene;
    await using running = await startMeasured({
      ...stage.env,
      // It counts from the first byte that goes up, not from the last.
      COUNTERSIGN_UPSTREAM_TIMEOUT: "60s",
    });
    assert.equal(await read(scene, running), "200");
    const before = running.peakMemory();
    let arrived = 0;
    await stage.upstream.answering(async (request) => {
      for await (const chunk of request.body!) arrived += chunk.length;
      return new Response(zeros());
    }, async () => {
      const response = await fetch(running.origin + GET.path, {
        method: "POST",
        headers: { authorization: `Bearer ${stage.billing.token()}` },
        body: zeros(),
      });
      let returned = 0;
      for await (const chunk of response.body!) returned += chunk.length;
      assert.deepEqual([response.status, arrived, returned], [200, SIZE, SIZE]);
    });
    const grown = running.peakMemory() - before;
    scene.recovered.set(`${this.name}: MB of memory more than before`, Math.round(grown / MB));
    assert.ok(grown < ALLOWANCE, `${Math.round(grown / MB)} MB more than before`);
    await wellAgain(scene, this.name, 1_000, running);
  },
};

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
