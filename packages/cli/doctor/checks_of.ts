import type { Answer } from "./ask.ts";

/** The checks of the function's `/-/readyz`; none of any other answer. */
export function checksOf({ body }: Answer): Readonly<Record<string, unknown>> {
  const { checks } = body;
  return typeof checks === "object" && checks !== null ? { ...checks } : {};
}
