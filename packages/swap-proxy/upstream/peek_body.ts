/** A body of which the first chunk has been read. */
export interface PeekedBody {
  /** The first chunk; `undefined` where the body is empty. */
  readonly first: Uint8Array | undefined;
  /** The whole body, first chunk included. Must be used or cancelled. */
  readonly body: Response["body"];
}

/** Looks at the first chunk of a body and gives the whole of it back, without holding more than that chunk. */
export async function peekBody(response: Response): Promise<PeekedBody> {
  if (response.body === null) return { first: undefined, body: null };
  const reader = response.body.getReader();
  let chunk = await reader.read();
  while (!chunk.done && chunk.value.byteLength === 0) chunk = await reader.read();
  if (chunk.done) return { first: undefined, body: null };

  const first = chunk.value;
  let unread: typeof first | undefined = first;
  const body: NonNullable<Response["body"]> = new ReadableStream({
    async pull(controller) {
      if (unread !== undefined) {
        controller.enqueue(unread);
        unread = undefined;
        return;
      }
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return { first, body };
}
