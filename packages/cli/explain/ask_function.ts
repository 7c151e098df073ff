import { ask } from "../doctor/ask.ts";
import type { CliIo } from "../io.ts";

/** What the function, and PostgREST behind it, made of a token. */
export interface Verdict {
  readonly accepted: boolean;
  /** The public code of a refusal, or what else came back. */
  readonly message: string;
}

/**
 * Sends a token to the function with a request that reads nothing: a view that no issuer may read. What PostgREST says
 * to that shows that the function, PostgREST and the guard accepted the token.
 */
export async function askFunction(
  url: string,
  token: string,
  io: CliIo,
  rule?: string,
): Promise<Verdict> {
  const { status, failure, body } = await ask(
    `${url}/jwt_registry_version?select=version&limit=1`,
    {
      authorization: `Bearer ${token}`,
      accept: "application/json",
      ...(rule !== undefined && { "countersign-rule": rule }),
    },
    io,
  );
  const code = typeof body.code === "string" ? body.code : undefined;
  if (status === 200 || code === "42501" || code === "42P01" || code?.startsWith("PGRST2")) {
    return { accepted: true, message: "the function, PostgREST and the guard accept it" };
  }
  if (failure !== undefined) return { accepted: false, message: `no answer (${failure})` };
  return { accepted: false, message: code ?? `status ${status}` };
}
