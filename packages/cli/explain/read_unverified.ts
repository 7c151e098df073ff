/** What a token says, which may all be lies. */
export interface UnverifiedToken {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Reads a token without verifying anything, to show it; whatever can't be read is empty. */
export function readUnverified(token: string): UnverifiedToken {
  const [header = "", claims = ""] = token.split(".");
  return { header: segment(header), claims: segment(claims) };
}

function segment(text: string): Record<string, unknown> {
  try {
    const bytes = Uint8Array.from(
      atob(text.replaceAll("-", "+").replaceAll("_", "/")),
      (character) => character.charCodeAt(0),
    );
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
