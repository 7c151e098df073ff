import { requestText } from "@countersign/fixture";

export const UPLOADS = "/rest/v1/invoices";

/**
 * Sends a body whose length is said beforehand, as everybody does who has the whole of it; `fetch`
 * sends a stream in chunks.
 *
 * @returns The head of the answer, which may come before all of the body was taken.
 */
export async function upload(
  origin: string,
  token: string,
  size: number,
  body: ReadableStream<Uint8Array>,
): Promise<string> {
  const { hostname, port } = new URL(origin);
  const headers = [["Content-Length", String(size)], ["Connection", "close"]] as const;
  const head = requestText({ path: UPLOADS, headers, body: "" }, token);
  using socket = await Deno.connect({ hostname, port: Number(port) });
  await new Blob([head]).stream().pipeTo(socket.writable, { preventClose: true });
  const answered = new AbortController();
  const sent = body.pipeTo(socket.writable, { preventClose: true, signal: answered.signal });
  const [answer] = await Promise.all([
    socket.readable.getReader().read().finally(() => answered.abort()),
    sent.catch(() => {}), // Cut short by an answer, or by the function hanging up after one.
  ]);
  return new TextDecoder().decode(answer.value);
}

/** So many bytes, in chunks of this size, each as long after the one before. */
export function zeros(
  size: number,
  chunkSize = 256 * 1024,
  pause = 0,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunk = new Uint8Array(chunkSize);
  let left = size;
  return new ReadableStream({
    async pull(controller) {
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
      controller.enqueue(chunk);
      left -= chunk.length;
      if (left === 0) controller.close();
    },
  });
}
