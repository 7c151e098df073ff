import { type Check, notChecked, ok, problem } from "../finding.ts";

/** Whether the function is there, starts, and is ours. */
export const functionCheck: Check = {
  name: "function",
  async run({ url, health }) {
    const { status, failure, body } = await health();
    const at = `${url}/functions/v1/rest`;
    if (status === 200 && body.status === "ok") return ok(`answers at ${at}`);
    if (status === 401) return notChecked("the platform refuses requests before the function");
    if (failure !== undefined) {
      return problem(
        `${at} can't be reached: ${failure}`,
        "check the target's URL, and that the project is not paused",
      );
    }
    if (status === 404) {
      return problem(
        `${at} is not there`,
        "countersign init, then supabase functions deploy rest",
      );
    }
    if (status >= 500) {
      return problem(
        `${at} fails with status ${status}`,
        "read the function's log: at its start it names every variable that is missing or wrong; set them with supabase secrets set",
      );
    }
    return problem(
      `${at} answers with status ${status}, and not as Countersign's function`,
      "deploy Countersign under the name rest, or give the URL of the project that has it",
    );
  },
};
