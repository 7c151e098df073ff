import type { Answer } from "../ask.ts";
import { type Check, notChecked, ok, problem } from "../finding.ts";

/** Whether the gateway takes the project's key, and PostgREST is behind it. */
export const apikeyCheck: Check = {
  name: "apikey",
  async run({ url, postgrest }) {
    const answer = await postgrest();
    if (answer === undefined) {
      return notChecked("give --apikey, or SUPABASE_PUBLISHABLE_KEY in the environment");
    }
    const { status, failure } = answer;
    if (status === 401 || status === 403) {
      return problem(
        "the key that was given is refused",
        "copy a publishable or legacy anon key of this project again; legacy keys may have been switched off",
      );
    }
    if (isPostgrest(answer)) return ok("the gateway takes the key, and PostgREST answers");
    return problem(
      `PostgREST does not answer at ${url}/rest/v1: ${failure ?? `status ${status}`}`,
      "check that the project is running, and that its data API is switched on",
    );
  },
};

/** Whether an answer is PostgREST's own. Codes are its, or Postgres' own; 503 is its way to say that the database is away. */
export function isPostgrest({ status, body }: Answer): boolean {
  return status > 0 && status < 500 && typeof body.code === "string" &&
    /^(PGRST|[0-9A-Z]{5}$)/.test(body.code);
}
