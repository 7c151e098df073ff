import type { Answer } from "../../ask.ts";
import { type Check, notChecked, ok, problem } from "../../finding.ts";
import { unreachable } from "../../unreachable.ts";

/** Whether the gateway takes the project's key, and PostgREST is behind it. */
export const apikeyCheck: Check = {
  name: "apikey",
  async run({ url, postgrest }) {
    const answer = await postgrest();
    if (answer === undefined) {
      return notChecked("give --apikey, or SUPABASE_PUBLISHABLE_KEY in the environment");
    }
    const { status } = answer;
    const at = `${url}/rest/v1`;
    if (isPostgrest(answer)) return ok("the gateway takes the key, and PostgREST answers");
    if (status === 401 || status === 403) {
      return problem(
        "apikey_rejected",
        "the gateway rejects the key that was given",
        "copy a publishable or legacy anon key of this project again; legacy keys may have been disabled",
      );
    }
    const down = unreachable(at, answer);
    if (down !== undefined) return down;
    if (
      answer.body.code === "PGRST000" || answer.body.code === "PGRST001" ||
      answer.body.code === "PGRST002"
    ) {
      return problem(
        "postgrest_without_database",
        "PostgREST cannot connect to its database",
        "check that the database is running, accepts connections, and has the role authenticator with PostgREST's password",
      );
    }
    if (status >= 500) {
      return problem(
        "postgrest_down",
        `PostgREST does not answer at ${at} (status ${status})`,
        "check that PostgREST is running, and that the project is not starting or restarting",
      );
    }
    return problem(
      "postgrest_missing",
      `PostgREST does not answer at ${at} (status ${status})`,
      "check that --target is the project's URL, and that its Data API is enabled",
    );
  },
};

/** Whether an answer is PostgREST's own. Codes are its, or Postgres's; 503 is its way to say that the database is away. */
export function isPostgrest({ status, body }: Answer): boolean {
  return status > 0 && status < 500 && typeof body.code === "string" &&
    /^(PGRST|[0-9A-Z]{5}$)/.test(body.code) && !isRefusedKey(body.code);
}

/** PostgREST on its own, without a gateway, takes an API key for a token. */
function isRefusedKey(code: string): boolean {
  return code === "PGRST301" || code === "PGRST302" || code === "PGRST303";
}
