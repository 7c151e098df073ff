import type { PolicyFields } from "@countersign/registry-admin";
import { type Command, Option } from "commander";
import { durationOption, repeated, timeOption } from "./input.ts";
import type { CliIo } from "../io.ts";
import { withoutUndefined } from "./without_undefined.ts";

/** What {@linkcode addPolicyOptions} makes commander parse; `false` comes from a `--no-…` flag. */
export interface PolicyOptions {
  readonly role?: readonly string[] | false;
  readonly defaultRole?: string | false;
  readonly subject?: readonly string[];
  readonly anySubject?: boolean;
  readonly userSubjects?: boolean;
  readonly claim?: readonly string[];
  readonly anyClaim?: boolean;
  readonly audience?: readonly string[];
  readonly ownAudience?: boolean;
  readonly maxLifetime?: string;
  readonly maxExchangeLifetime?: string | false;
  readonly rejectIssuedBefore?: string | false;
  readonly singleUse?: boolean;
  readonly mode?: "enforce" | "observe";
  readonly description?: string;
}

/** Adds the options that say what an issuer's tokens may claim. */
export function addPolicyOptions(command: Command): Command {
  return command
    .option("--role <name>", "a role that tokens may claim (repeatable)", repeated)
    .option("--default-role <name>", "the role of tokens without a role claim")
    .option("--subject <pattern>", "an exact sub, or a prefix ending in * (repeatable)", repeated)
    .option("--user-subjects", "allow sub to be a user's ID: the issuer can act for users")
    .option("--no-user-subjects", "reject a sub that looks like a user's ID")
    .option("--claim <name>", "an extra claim that tokens may contain (repeatable)", repeated)
    .option("--audience <aud>", "an audience that tokens must name (repeatable)", repeated)
    .option("--max-lifetime <duration>", "the longest time from iat to exp, like 5m")
    .option(
      "--max-exchange-lifetime <duration>",
      "the longest life of exchanged tokens, 60s to 15m; requires the guard",
    )
    .option("--reject-issued-before <time>", 'reject tokens issued before this: "now" or a time')
    .option("--single-use", "allow one write per token; requires the guard")
    .option("--no-single-use", "allow a token to be used repeatedly")
    .addOption(
      new Option("--mode <mode>", "observe: report what the policy would reject, without rejecting")
        .choices(["enforce", "observe"]),
    )
    .option("--description <text>", "a note for people");
}

/** Adds the options that reset a limit. */
export function addPolicyResets(command: Command): Command {
  return command
    .option("--no-role", "allow no role: every token is rejected")
    .option("--no-default-role", "require a role claim in every token")
    .option("--any-subject", "allow any sub that is not a user's ID")
    .option("--any-claim", "allow any claim that is not protected")
    .option("--own-audience", "allow only the target's own audience")
    .option("--no-max-exchange-lifetime", "exchange no token")
    .option("--no-reject-issued-before", "remove the cutoff");
}

/** The fields of the policy that the flags name, and no others. */
export function policyFields(options: PolicyOptions, io: CliIo): PolicyFields {
  const { defaultRole, maxLifetime, maxExchangeLifetime, rejectIssuedBefore } = options;
  return withoutUndefined({
    roles: options.role === false ? [] : options.role,
    defaultRole: defaultRole === false ? null : defaultRole,
    subjects: options.anySubject ? null : options.subject,
    allowUserSubjects: options.userSubjects,
    claims: options.anyClaim ? null : options.claim,
    audiences: options.ownAudience ? null : options.audience,
    maxTokenLifetime: maxLifetime === undefined
      ? undefined
      : durationOption("--max-lifetime", maxLifetime),
    maxExchangeLifetime: maxExchangeLifetime === undefined
      ? undefined
      : maxExchangeLifetime === false
      ? null
      : durationOption("--max-exchange-lifetime", maxExchangeLifetime),
    rejectIssuedBefore: rejectIssuedBefore === undefined
      ? undefined
      : rejectIssuedBefore === false
      ? null
      : timeOption("--reject-issued-before", rejectIssuedBefore, io),
    singleUse: options.singleUse,
    mode: options.mode,
    description: options.description,
  });
}
