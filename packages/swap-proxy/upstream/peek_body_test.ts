import assert from "node:assert/strict";
import { peekBody } from "./peek_body.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A body of these chunks, and how many of them were asked for. */
function chunked(...chunks: string[]) {
  const state = { pulled: 0, cancelled: undefined as unknown };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks[state.pulled++];
      if (chunk === undefined) controller.close();
      else controller.enqueue(bytes(chunk));
    },
    cancel: (reason) => void (state.cancelled = reason),
  }, { highWaterMark: 0 });
  return { response: new Response(body), state };
}

Deno.test("peekBody() gives the whole body back, byte for byte", async () => {
  const { response } = chunked("[1,", "2", ",3]");
  const { first, body } = await peekBody(response);
  assert.deepEqual(first, bytes("[1,"));
  assert.equal(await new Response(body).text(), "[1,2,3]");
});

Deno.test("peekBody() holds no more than one chunk, however large the body is", async () => {
  const { response, state } = chunked(...Array.from({ length: 100 }, () => "x".repeat(1024)));
  const { body } = await peekBody(response);
  assert.ok(state.pulled <= 2, `pulled ${state.pulled} chunks`);
  await body?.cancel("enough");
  assert.equal(state.cancelled, "enough");
});

Deno.test("peekBody() takes empty chunks for no content, and finds what comes after them", async () => {
  const { first, body } = await peekBody(chunked("", "", "x").response);
  assert.deepEqual(first, bytes("x"));
  assert.equal(await new Response(body).text(), "x");
  for (const empty of [new Response(null), chunked().response, chunked("", "").response]) {
    assert.deepEqual(await peekBody(empty), { first: undefined, body: null });
  }
});

Deno.test("peekBody() passes on that a body broke off", async () => {
  const broken = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new TypeError("reset")),
  });
  await assert.rejects(peekBody(new Response(broken)), /reset/);
});
