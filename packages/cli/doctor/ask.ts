import type { CliIo } from "../io.ts";

/** A clock that was read from afar. */
export interface Reading {
  /** Milliseconds by which it is ahead of ours. */
  readonly ahead: number;
  /** Milliseconds by which that may be wrong. */
  readonly uncertainty: number;
}

/** Why nothing came. */
export type Failure = "timeout" | "name" | "refused" | "certificate" | "connection";

/** What came back for a request. */
export interface Answer {
  /** 0 where nothing came. */
  readonly status: number;
  readonly failure?: Failure;
  /** Where a redirect leads to: the origin alone. */
  readonly location?: string;
  /** The members of a JSON object; none of anything else. */
  readonly body: Readonly<Record<string, unknown>>;
  /** The answerer's clock, if its `Date` says. */
  readonly clock?: Reading;
}

/** Milliseconds for one question. Several are asked at once, and some after others. */
const TIMEOUT_MS = 9_000;
/** `Date` has whole seconds (RFC 9110 §5.6.7). */
const HALF_A_SECOND = 500;

/** Sends a GET, and takes whatever comes of it for an answer. */
export async function ask(
  url: string,
  headers: Readonly<Record<string, string>>,
  io: CliIo,
): Promise<Answer> {
  const asked = io.now();
  try {
    const response = await io.fetch(url, {
      headers,
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answered = io.now();
    const date = Date.parse(response.headers.get("date") ?? "");
    const clock = {
      ahead: date + HALF_A_SECOND - (asked + answered) / 2,
      uncertainty: (answered - asked) / 2 + HALF_A_SECOND,
    };
    const location = originOf(response.headers.get("location"), url);
    return {
      status: response.status,
      body: objectIn(await response.text()),
      ...(location === undefined ? {} : { location }),
      ...(Number.isNaN(date) ? {} : { clock }),
    };
  } catch (error) {
    return { status: 0, failure: failureOf(error), body: {} };
  }
}

/** What `fetch` says can quote a header, so only its kind is kept. */
function failureOf(error: unknown): Failure {
  if (error instanceof DOMException && error.name === "TimeoutError") return "timeout";
  const said = textOf(error);
  if (/ENOTFOUND|EAI_AGAIN|dns error|failed to lookup/i.test(said)) return "name";
  if (/ECONNREFUSED|connection refused/i.test(said)) return "refused";
  if (/CERT|certificate|UnknownIssuer|NotValidForName/i.test(said)) return "certificate";
  return "connection";
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const code = Reflect.get(error, "code");
  return `${error.message} ${typeof code === "string" ? code : ""} ${textOf(error.cause)}`;
}

function originOf(location: string | null, base: string): string | undefined {
  return location !== null && URL.canParse(location, base)
    ? new URL(location, base).origin
    : undefined;
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
