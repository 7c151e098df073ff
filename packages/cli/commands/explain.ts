import { defaultAudience } from "@countersign/swap-proxy";
import { getIssuerRecord } from "@countersign/registry-admin";
import { type Algorithm, importPublicKey, type IssuerRecord, keyId } from "@countersign/verifier";
import type { Command } from "commander";
import { algorithmOption } from "../options/algorithm_option.ts";
import { CliError, usage } from "../errors.ts";
import {
  type ExplainOptions,
  explainToken,
  type Explanation,
  type Step,
} from "../explain/explain_token.ts";
import { readInput, repeated } from "../options/input.ts";
import type { CliIo } from "../io.ts";
import { type OutputOptions, writeResult } from "../options/output.ts";
import { readUnverified } from "../explain/read_unverified.ts";
import {
  addTargetOptions,
  registryTarget,
  type TargetOptions,
} from "../options/registry_target.ts";

interface ExplainCommandOptions extends TargetOptions, OutputOptions {
  readonly publicKey?: string;
  readonly algorithm: Algorithm;
  readonly audience?: readonly string[];
}

/** `countersign explain`. */
export function addExplain(program: Command, io: CliIo): void {
  addTargetOptions(
    program.command("explain")
      .description("Verify a token as the target would, and show the step that rejects it")
      .argument("[token]", "the token (default: standard input)"),
  )
    .option("--public-key <file>", "verify with this key alone, without a registry")
    .addOption(algorithmOption().default("RS256"))
    .option(
      "--audience <aud>",
      "an audience of the target (repeatable; or COUNTERSIGN_AUDIENCE)",
      repeated,
    )
    .option("--json", "print every step as JSON")
    .addHelpText(
      "after",
      `
The token is verified on this machine and is not sent anywhere; only the issuer's record is read
from the registry. Exit status 1 if the token is rejected.

Example:
  $ export SUPABASE_SERVICE_ROLE_KEY=…
  $ countersign explain --target https://prod-abc123.supabase.co < token.txt
`,
    )
    .action(async (argument: string | undefined, options: ExplainCommandOptions) => {
      const input = argument === undefined || argument === "-" ? await io.stdin() : argument;
      const token = input.trim().replace(/^Bearer +/i, "");
      if (token === "") usage("Expected a token as an argument or on standard input");
      const explanation = await explainToken({
        token,
        now: io.now,
        ...options.publicKey === undefined
          ? await fromRegistry(token, options, io)
          : await fromPublicKey(token, options.publicKey, options, io),
      });
      writeResult(io, options, { json: explanation, lines: describe(explanation) });
      // Everything was reported; only the exit status is missing.
      if (!explanation.accepted) throw new CliError("refused", "");
    });
}

type Against = Pick<ExplainOptions, "record" | "audience" | "unchecked">;

async function fromRegistry(
  token: string,
  options: ExplainCommandOptions,
  io: CliIo,
): Promise<Against> {
  const target = await registryTarget(options, io);
  const { iss } = readUnverified(token).claims;
  const record = typeof iss === "string" ? await getIssuerRecord(target, iss) : undefined;
  const audience = audienceOf(options, io) ??
    ("supabaseUrl" in target ? defaultAudience(new URL(target.supabaseUrl)) : undefined);
  if (audience !== undefined) return { record, audience };
  return { record, unchecked: { audience: "give --audience, or the target's URL" } };
}

/** The target's audiences: from the flag, or from what configures the function. */
function audienceOf(
  { audience }: ExplainCommandOptions,
  { env }: CliIo,
): readonly string[] | undefined {
  if (audience !== undefined) return audience;
  const names = (env.COUNTERSIGN_AUDIENCE ?? "").split(",").map((name) => name.trim())
    .filter((name) => name !== "");
  return names.length > 0 ? names : undefined;
}

/** A registry of one key, with the widest policy: only the key is in question. */
async function fromPublicKey(
  token: string,
  path: string,
  options: ExplainCommandOptions,
  io: CliIo,
): Promise<Against> {
  const { algorithm } = options;
  const audience = audienceOf(options, io);
  const publicKey = await readInput(path, "a public key", io);
  await importPublicKey(publicKey, algorithm);
  const { claims } = readUnverified(token);
  const role = typeof claims.role === "string" ? claims.role : "any";
  const record: IssuerRecord = {
    issuer: typeof claims.iss === "string" ? claims.iss : "",
    isActive: true,
    policy: {
      allowedRoles: [role],
      defaultRole: role,
      allowedSubjects: null,
      allowUserSubjects: true,
      allowedClaims: Object.keys(claims),
      audiences: null,
      maxTokenLifetime: Number.MAX_SAFE_INTEGER,
      rejectIssuedBefore: null,
      singleUse: false,
      mode: "enforce",
    },
    keys: [{ kid: await keyId(publicKey), algorithm, publicKey, notBefore: null, notAfter: null }],
    revokedKids: [],
  };
  const unchecked = { issuer: "no registry was asked", policy: "no registry was asked" };
  return audience === undefined
    ? { record, unchecked: { ...unchecked, audience: "give --audience" } }
    : { record, audience, unchecked };
}

function describe({ accepted, reason, role, steps, observed }: Explanation): string[] {
  const verdict = accepted ? "accepted" : `refused: ${reason}`;
  return [
    ...steps.flatMap(lines),
    ...observed.map((what) => `           observe mode let through ${what}`),
    accepted && steps.every(({ outcome }) => outcome === "passed")
      ? `${verdict}, with the role ${role}`
      : verdict,
  ];
}

const MARKS = { passed: "ok", failed: "FAILED", "not reached": "-", "not checked": "?" } as const;

function lines({ step, outcome, message, facts }: Step): string[] {
  return [
    `${step.padEnd(10)} ${MARKS[outcome].padEnd(7)} ${message ?? ""}`.trimEnd(),
    ...(facts === undefined
      ? []
      : [`           token:    ${facts.token}`, `           registry: ${facts.registry}`]),
  ];
}
