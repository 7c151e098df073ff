import { Buffer } from "node:buffer";

/** What a token says, which may all be false. */
export interface UnverifiedToken {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Reads a token without verifying it, to show it. A part that cannot be read is empty. */
export function readUnverified(token: string): UnverifiedToken {
  const [header = "", claims = ""] = token.split(".");
  return { header: segment(header), claims: segment(claims) };
}

function segment(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
