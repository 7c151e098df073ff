import type { Resolve } from "./fetch_json.ts";

/** The part of `Deno` that looks up names. */
interface Resolver {
  resolveDns?: (name: string, type: "A" | "AAAA") => Promise<string[]>;
}

/** What `Deno` throws where names cannot be looked up, as against a name that does not exist. */
const CANNOT = ["NotCapable", "PermissionDenied", "NotSupported"];

/**
 * Looks up a name with `Deno.resolveDns`.
 *
 * @returns Its addresses; none if it has none; `undefined` where the runtime cannot look them up.
 */
export const resolveWithDeno: Resolve = async (hostname) => {
  const { Deno: runtime } = globalThis as { Deno?: Resolver };
  if (typeof runtime?.resolveDns !== "function") return undefined;
  const answers = await Promise.allSettled([
    runtime.resolveDns(hostname, "A"),
    runtime.resolveDns(hostname, "AAAA"),
  ]);
  const addresses: string[] = [];
  for (const answer of answers) {
    if (answer.status === "fulfilled") addresses.push(...answer.value);
    else if (CANNOT.includes(answer.reason?.name)) return undefined;
    else if (answer.reason?.name !== "NotFound") throw answer.reason;
  }
  return addresses;
};
