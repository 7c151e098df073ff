import { type Check, notChecked, ok, problem } from "../../finding.ts";
import { unreachable } from "../../unreachable.ts";

const LOG = "read the function's log";

/** Whether the function is there, starts, and is ours. */
export const functionCheck: Check = {
  name: "function",
  async run({ functionUrl: at, url, health, elsewhere }) {
    const answer = await health();
    const { status, body } = answer;
    if (status === 200 && body.status === "ok") return ok(`answers at ${at}`);
    if (status === 401) return notChecked("the platform rejects requests before the function");
    const down = unreachable(at, answer);
    if (down !== undefined) return down;
    const other = await elsewhere();
    if (other !== undefined) {
      return problem(
        "other_mount",
        `Countersign answers at ${other}, and not at ${at}`,
        `give --function-url ${other}`,
      );
    }
    switch (status) {
      case 404:
        return problem(
          "function_missing",
          `${at} does not exist`,
          "countersign init, then supabase functions deploy rest",
        );
      case 503:
        return problem(
          "function_does_not_start",
          "the function does not start (status 503)",
          `${LOG}: at its start it names every missing or invalid variable; set them with supabase secrets set`,
        );
      case 546:
        return problem(
          "function_out_of_resources",
          "the function exceeds the memory or CPU that the platform allows (status 546)",
          `${LOG}, and redeploy it as countersign init writes it`,
        );
    }
    if (status >= 500) {
      return problem(
        "function_fails",
        `the function fails with status ${status}`,
        `${LOG}: at its start it names every missing or invalid variable; set them with supabase secrets set`,
      );
    }
    return problem(
      "other_function",
      `${at} answers with status ${status}, and not as Countersign`,
      `deploy Countersign under the name rest, or give the URL of the project that has it instead of ${url}`,
    );
  },
};
