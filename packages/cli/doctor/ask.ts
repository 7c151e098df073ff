import type { CliIo } from "../io.ts";

/** A clock that was read from afar. */
export interface Reading {
  /** Milliseconds by which it is ahead of ours. */
  readonly ahead: number;
  /** Milliseconds by which that may be wrong. */
  readonly uncertainty: number;
}

/** What came back for a request. */
export interface Answer {
  /** 0 where nothing came. */
  readonly status: number;
  /** Why nothing came. */
  readonly failure?: string;
  /** The members of a JSON object; none of anything else. */
  readonly body: Readonly<Record<string, unknown>>;
  /** The answerer's clock, if its `Date` says. */
  readonly clock?: Reading;
}

const TIMEOUT_MS = 15_000;
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
    return {
      status: response.status,
      body: objectIn(await response.text()),
      ...(Number.isNaN(date) ? {} : { clock }),
    };
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    // What fetch says can quote a header.
    const failure = late ? `no answer within ${TIMEOUT_MS / 1000} s` : "no connection";
    return { status: 0, failure, body: {} };
  }
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
