import type { Answer } from "./ask.ts";
import { type Finding, problem } from "./finding.ts";

/**
 * Says why a project, as a whole, does not answer: what its gateway, or the network, answers in its place. Nothing for
 * an answer that something behind the gateway may have given.
 *
 * @param at What was asked.
 */
export function unreachable(
  at: string,
  { status, failure, location }: Answer,
): Finding[] | undefined {
  const host = new URL(at).host;
  switch (failure) {
    case "timeout":
      return problem(
        "timeout",
        `${at} does not answer in time`,
        "check the network and firewalls, and that the project is running",
      );
    case "name":
      return problem(
        "unknown_host",
        `${host} has no address`,
        "check the spelling of --target; a deleted project has no address either",
      );
    case "refused":
      return problem(
        "connection_refused",
        `nothing listens at ${host}`,
        "check host and port of --target, and that the project is running",
      );
    case "certificate":
      return problem(
        "bad_certificate",
        `the certificate of ${host} cannot be verified`,
        "check the certificate; for one of your own, DENO_CERT or NODE_EXTRA_CA_CERTS names its authority",
      );
    case "connection":
      return problem(
        "no_connection",
        `no connection to ${host}`,
        "check http or https in --target, and that the project is running",
      );
  }
  if (location !== undefined && status >= 300 && status < 400) {
    return problem(
      "redirect",
      `${at} redirects to ${location}`,
      `give --target ${location}; issuers need that URL as well, because a token is not sent on`,
    );
  }
  switch (status) {
    case 540:
      return problem("paused", "the project is paused", "restore it in the dashboard");
    case 402:
      return problem(
        "restricted",
        "the project is restricted, because it exceeds its plan",
        "see billing and usage in the dashboard",
      );
    case 521:
    case 522:
    case 523:
    case 524:
    case 525:
    case 526:
    case 530:
      return problem(
        "project_down",
        `the project does not answer its own gateway (status ${status})`,
        "see its status in the dashboard: it may be starting, restarting, or out of resources",
      );
  }
}
