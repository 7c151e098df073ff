/** One HTTP request, sent exactly as written. The defaults write a widget with an honest token. */
export interface Attempt {
  /** The bearer token; `null` sends none. Default: an honest one of `warehouse`. */
  readonly token?: string | null;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
}

/** The name of a row that only this attempt could have written. */
export function newName(): string {
  return `widget-${crypto.randomUUID()}`;
}

/** The attempt in the wire format of HTTP/1.1. */
export function requestText(attempt: Attempt, token: string | null): string {
  const method = attempt.method ?? "POST";
  const reads = method === "GET" || method === "HEAD";
  const body = attempt.body ?? (reads ? "" : JSON.stringify({ name: newName() }));
  return [
    `${method} ${attempt.path ?? "/rest/v1/widgets"} HTTP/1.1`,
    "Host: edge-runtime.internal",
    ...(token === null ? [] : [`Authorization: Bearer ${token}`]),
    ...(attempt.headers ?? []).map(([name, value]) => `${name}: ${value}`),
    ...(body === "" ? [] : [
      "Content-Type: application/json",
      `Content-Length: ${new TextEncoder().encode(body).length}`,
    ]),
    "",
    body,
  ].join("\r\n");
}
