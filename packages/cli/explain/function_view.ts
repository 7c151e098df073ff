import type { RegistryTarget } from "@countersign/registry-admin";
import { registryIdentity } from "@countersign/registry-admin";
import { ask } from "../doctor/ask.ts";
import { type Readiness, readinessIn } from "../doctor/readiness.ts";
import type { CliIo } from "../io.ts";

/** What the function itself reports, without being sent a token. */
export interface FunctionView {
  readonly facts: Readiness["facts"];
  /** Milliseconds by which its clock is ahead of ours, as far as that is certain. */
  readonly ahead: number;
}

/** A difference that is less than its own uncertainty, and this many milliseconds, is none. */
const NOTICEABLE = 1_000;

/** Asks the function for what it reports to everybody; `undefined` where it does not answer. */
export async function functionView(url: string, io: CliIo): Promise<FunctionView | undefined> {
  const answer = await ask(`${url}/-/readyz`, {}, io);
  const { facts, checks } = readinessIn(answer);
  if (Object.keys(checks).length === 0) return undefined;
  const { ahead, uncertainty } = answer.clock ?? { ahead: 0, uncertainty: 0 };
  return { facts, ahead: Math.abs(ahead) > uncertainty + NOTICEABLE ? ahead : 0 };
}

/** Whether the function reads the registry that was asked; `undefined` where that cannot be told. */
export async function readsRegistry(
  { facts }: FunctionView,
  target: RegistryTarget,
): Promise<boolean | undefined> {
  if (facts.database === undefined || "supabaseUrl" in target) return undefined;
  return (await registryIdentity(target)).database === facts.database;
}
