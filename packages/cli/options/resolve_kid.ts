import { listPublicKeys, type RegistryTarget } from "@countersign/registry-admin";
import { CliError, usage } from "../errors.ts";

const WHOLE = 43;
const LEAST = 8;

/** Completes the beginning of a key's id, as `list` shows it. Exactly one registered key has to begin like it. */
export async function resolveKid(target: RegistryTarget, given: string): Promise<string> {
  if (!/^[\w-]+$/.test(given) || given.length < LEAST || given.length > WHOLE) {
    usage(
      `Expected --kid to be a key's id, or its first ${LEAST} characters or more; see countersign list`,
    );
  }
  if (given.length === WHOLE) return given;
  const [match, ...others] = (await listPublicKeys(target)).filter(({ kid }) =>
    kid.startsWith(given)
  );
  if (match === undefined || others.length > 0) {
    throw new CliError(
      "failed",
      `Expected one key whose id begins with "${given}", found ${
        match === undefined ? "none" : others.length + 1
      }`,
    );
  }
  return match.kid;
}
