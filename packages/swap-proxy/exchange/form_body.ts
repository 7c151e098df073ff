import { SwapProxyError } from "../errors.ts";

/** Bytes of a form: two tokens of 8 KiB and what stands around them. */
const MAX_BYTES = 20 * 1024;
/** Milliseconds that a caller has to send it. */
const TIMEOUT = 10_000;

/**
 * Reads a request's form (`application/x-www-form-urlencoded`), of at most 20 KiB, within ten seconds.
 *
 * A member without a value counts as left out (RFC 6749 §3.2). One that is there twice is refused, whatever it is: which
 * of the two was meant, two readers could see differently.
 *
 * @throws {SwapProxyError} `token_request_invalid`, whose message repeats nothing of the form.
 */
export async function readForm(request: Request): Promise<ReadonlyMap<string, string>> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/x-www-form-urlencoded\s*(?:;\s*charset="?utf-8"?\s*)?$/i.test(type)) {
    throw invalid("The content type must be application/x-www-form-urlencoded");
  }
  const form = new Map<string, string>();
  const names = new Set<string>();
  for (const [name, value] of new URLSearchParams(await readText(request.body))) {
    if (names.has(name)) throw invalid("A parameter must not be repeated");
    names.add(name);
    if (value !== "") form.set(name, value);
  }
  return form;
}

/** What is wrong with a token request. */
export function invalid(message: string): SwapProxyError {
  return new SwapProxyError("token_request_invalid", message);
}

async function readText(body: Request["body"]): Promise<string> {
  if (body === null) return "";
  const reader = body.getReader();
  const timer = setTimeout(() => void giveUp(reader), TIMEOUT);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let size = 0;
  let text = "";
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      size += read.value.byteLength;
      if (size > MAX_BYTES) {
        void giveUp(reader);
        throw invalid("The body is too large");
      }
      text += decoder.decode(read.value, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    throw error instanceof SwapProxyError ? error : invalid("The body cannot be read");
  } finally {
    clearTimeout(timer);
  }
}

/** Ends the reading. A body that is broken already has nothing left to cancel. */
async function giveUp(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  await reader.cancel().catch(() => {});
}
