import assert from "node:assert/strict";
import { type Fault, read, startMeasured, wellAgain } from "./fault.ts";
import { BODY } from "./load/size.ts";
import { upload, UPLOADS, zeros } from "./load/upload.ts";

const MB = 1024 * 1024;
const SIZE = BODY * MB;
/**
 * What buffers of sockets may take, and the chunks that are done with, which V8 lets lie up to some
 * 64 MB, however large the body is; a body that is kept takes `SIZE`.
 */
const ALLOWANCE = 128 * MB;

export const LARGE_BODY: Fault = {
  name: `bodies of ${BODY} MB stream through, in and out`,
  async run(scene) {
    const { stage } = scene;
    await using running = await startMeasured(stage.env);
    assert.equal(await read(scene, running), "200");
    const before = running.peakMemory();
    const token = stage.billing.token();
    let arrived = 0;
    await stage.upstream.answering(async (request) => {
      for await (const chunk of request.body ?? []) arrived += chunk.length;
      return new Response(request.method === "GET" ? zeros(SIZE) : null);
    }, async () => {
      assert.match(await upload(running.origin, token, SIZE, zeros(SIZE)), /^HTTP\/1.1 200 /);
      const answer = await fetch(running.origin + UPLOADS, {
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
