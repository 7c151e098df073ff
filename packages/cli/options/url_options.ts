import { readProjectUrl, readServerUrl } from "@countersign/verifier";
import { usage } from "../errors.ts";

/** The project's URL that a flag, or the environment in its place, holds: without a slash at its end. */
export function projectUrl(flag: string, given: string | undefined): string {
  return read(flag, given, readProjectUrl);
}

/** The URL of any server that a flag holds. */
export function serverUrl(flag: string, given: string | undefined): string {
  return read(flag, given, readServerUrl);
}

/** Nothing of what was given is repeated: it may hold a password. */
function read(flag: string, given: string | undefined, reader: (text: string) => string): string {
  if (!given) usage(`Expected ${flag} <url>, like https://prod-abc123.supabase.co`);
  try {
    return reader(given);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    usage(`${flag}: ${error.message}`);
  }
}
