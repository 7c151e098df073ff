import { RegistryError } from "@countersign/registry-admin";
import type { Check, Finding } from "./finding.ts";
import type { Target } from "./target.ts";

/** A finding, and the check that found it. */
export interface NamedFinding extends Finding {
  readonly check: string;
}

/** Milliseconds after which a check that still waits is given up. */
const DEADLINE = 13_000;
/** Milliseconds that the first in line may hold up those behind it that are done. */
const PATIENCE = 1_000;

/** What a run tells while it lasts. */
export interface Listener {
  /** A check is done. */
  readonly found: (findings: readonly NamedFinding[]) => void;
  /** These checks are not done yet. */
  readonly waiting: (checks: readonly string[]) => void;
}

/**
 * Runs checks side by side, and hands on their findings as they come: in order, except that one which is slow does not
 * hold up the others.
 *
 * @returns All findings, in the order of the checks.
 */
export async function runChecks(
  checks: readonly Check[],
  target: Target,
  { found, waiting }: Listener,
): Promise<NamedFinding[]> {
  const deadline = delay(DEADLINE);
  const all = new Map<string, readonly NamedFinding[]>();
  const pending = new Map(
    checks.map((check) => [check.name, resultOf(check, target, deadline.promise)]),
  );
  for (const [name, result] of pending) result.then((findings) => all.set(name, findings));
  const report = (name: string) => {
    const findings = all.get(name);
    if (findings === undefined || !pending.delete(name)) return;
    found(findings);
  };
  while (pending.size > 0) {
    waiting([...pending.keys()]);
    const [[first = "", result] = []] = pending;
    const patience = delay(PATIENCE);
    await Promise.race([result, patience.promise]);
    patience.cancel();
    if (all.has(first)) report(first);
    else for (const name of [...pending.keys()]) report(name);
  }
  deadline.cancel();
  return checks.flatMap(({ name }) => all.get(name) ?? []);
}

async function resultOf(
  { name, run }: Check,
  target: Target,
  deadline: Promise<void>,
): Promise<readonly NamedFinding[]> {
  const late = deadline.then((): readonly Finding[] => [{
    outcome: "not checked",
    message: `no answer within ${DEADLINE / 1000} s`,
  }]);
  const found = run(target).catch((error): readonly Finding[] => {
    if (!(error instanceof RegistryError)) throw error;
    return [{ outcome: "not checked", message: error.message }];
  });
  return (await Promise.race([found, late])).map((finding) => ({ check: name, ...finding }));
}

function delay(milliseconds: number): { promise: Promise<void>; cancel: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const promise = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  return { promise, cancel: () => clearTimeout(timer) };
}
