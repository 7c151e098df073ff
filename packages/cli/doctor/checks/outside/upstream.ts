import { type Check, notChecked, ok, problem } from "../../finding.ts";

/** Whether the function reaches PostgREST. It asks at its `/-/readyz`, with a token that may do nothing. */
export const upstreamCheck: Check = {
  name: "upstream",
  async run({ ready }) {
    switch ((await ready()).checks.upstream) {
      case "ok":
        return ok("the function reaches PostgREST");
      case "unreachable":
        return problem(
          "upstream_unreachable",
          "the function cannot reach PostgREST",
          "check COUNTERSIGN_UPSTREAM_URL and SUPABASE_URL of the function, and that PostgREST is running",
        );
      case "unavailable":
        return problem(
          "upstream_unavailable",
          "PostgREST, or what is in front of it, answers the function with a server error",
          "check that PostgREST is running and connects to its database; see apikey",
        );
      case "refused":
        return problem(
          "upstream_refuses_key",
          "the gateway rejects the function's own key",
          "the key in SUPABASE_PUBLISHABLE_KEYS (or SUPABASE_ANON_KEY) was revoked: deploy the function again, which injects the current one",
        );
      case "not_postgrest":
        return problem(
          "upstream_not_postgrest",
          "the function reaches something else than PostgREST",
          "check COUNTERSIGN_UPSTREAM_URL and SUPABASE_URL of the function: one is the address of PostgREST, the other of the project",
        );
      default:
        return notChecked("the function does not report it");
    }
  },
};
