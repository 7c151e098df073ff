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
  readonly rejectIssuedBefore?: string | false;
  readonly singleUse?: boolean;
  readonly mode?: "enforce" | "observe";
  readonly description?: string;
}

/** Adds the options that say what an issuer's tokens may claim. */
export function addPolicyOptions(command: Command): Command {
  return command
    .option("--role <name>", "a role that tokens may claim (repeatable)", repeated)
    .option("--default-role <name>", "the role of tokens that claim none")
    .option("--subject <pattern>", "an exact sub, or a prefix ending in * (repeatable)", repeated)
    .option("--user-subjects", "let sub be a user's id, so that the issuer can act for users")
    .option("--no-user-subjects", "refuse subs that look like a user's id")
    .option("--claim <name>", "an extra claim that tokens may have (repeatable)", repeated)
    .option("--audience <aud>", "an audience that tokens must name (repeatable)", repeated)
    .option("--max-lifetime <duration>", "most time between iat and exp, like 5m")
    .option("--reject-issued-before <time>", 'refuse tokens older than this: "now" or a time')
    .option("--single-use", "let a token do one write only; needs the guard")
    .option("--no-single-use", "let a token be used again during its life")
    .addOption(
      new Option("--mode <mode>", "observe only reports what the policy would refuse")
        .choices(["enforce", "observe"]),
    )
    .option("--description <text>", "for people");
}

/** Adds the options that take a limit back. */
export function addPolicyResets(command: Command): Command {
  return command
    .option("--no-role", "allow no role: every token is refused")
    .option("--no-default-role", "make every token claim its role")
    .option("--any-subject", "any sub that is not a user's id")
    .option("--any-claim", "any claim that is not protected")
    .option("--own-audience", "only the target's own audience")
    .option("--no-reject-issued-before", "take the cut-off back");
}

/** The fields of the policy that the flags name, and no others. */
export function policyFields(options: PolicyOptions, io: CliIo): PolicyFields {
  const { defaultRole, maxLifetime, rejectIssuedBefore } = options;
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
