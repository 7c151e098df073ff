import type { Command } from "commander";
import { CliError, usage } from "../errors.ts";
import { type AgainstOptions, fromPublicKey, fromRegistry } from "../explain/against.ts";
import { askFunction, type Verdict } from "../explain/ask_function.ts";
import { explainToken, type Explanation, type Step } from "../explain/explain_token.ts";
import { judgementLines } from "../federation/rule_lines.ts";
import type { CliIo } from "../io.ts";
import { algorithmOption } from "../options/algorithm_option.ts";
import { type Color, type Painter, painter } from "../options/color.ts";
import { repeated } from "../options/input.ts";
import { type OutputOptions, printable, writeResult } from "../options/output.ts";
import { progress } from "../options/progress.ts";
import { addTargetOptions } from "../options/registry_target.ts";

interface ExplainCommandOptions extends AgainstOptions, OutputOptions {
  readonly publicKey?: string;
  readonly ask?: boolean;
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
    .option(
      "--function-url <url>",
      "where the function answers (default: <target>/functions/v1/rest)",
    )
    .option("--rule <name>", "the rule that has to match, as the header Countersign-Rule names it")
    .option("--ask", "also send the token to the function, and compare")
    .option("--json", "print every step as JSON")
    .addHelpText(
      "after",
      `
The token is verified on this machine. Without --ask it is not sent anywhere: the registry is asked
for the issuer's record, and the function for what it reports to everyone (its audience, its clock).
For a token of an OIDC provider, its rules are shown condition by condition. Its keys are fetched as
the function fetches them.
With --ask the function gets it with a request that reads nothing, and logs a rejection as it always
does. Exit status 1 if the token is rejected.

Example:
  $ export SUPABASE_SERVICE_ROLE_KEY=…
  $ countersign explain --target https://prod-abc123.supabase.co < token.txt
`,
    )
    .action((argument: string | undefined, options: ExplainCommandOptions) =>
      explain(argument, options, io)
    );
}

async function explain(
  argument: string | undefined,
  options: ExplainCommandOptions,
  io: CliIo,
): Promise<void> {
  if (options.ask === true && options.publicKey !== undefined) {
    usage("Expected --ask or --public-key, found both: a key alone names no function");
  }
  const input = argument === undefined || argument === "-" ? await io.stdin() : argument;
  const token = input.trim().replace(/^Bearer +/i, "");
  if (token === "") usage("Expected a token as an argument or on standard input");

  using shown = progress(io, options);
  shown.show("asking the registry and the function …");
  const { functionUrl, ...against } = options.publicKey === undefined
    ? await fromRegistry(token, options, io)
    : { functionUrl: undefined, ...await fromPublicKey(token, options.publicKey, options, io) };
  if (options.ask === true && functionUrl === undefined) {
    usage("Expected --target or --function-url with --ask: which function to ask");
  }
  const explanation = await explainToken({ token, now: io.now, ...against });
  const asked = options.ask === true && functionUrl !== undefined
    ? await askFunction(functionUrl, token, io, options.rule)
    : undefined;
  shown.clear();
  writeResult(io, options, {
    json: { ...explanation, ...(asked && { asked }) },
    lines: describe(explanation, asked, painter(io, "stdout")),
    isPainted: true,
  });
  // Everything was reported; only the exit status is missing.
  if (!(asked?.accepted ?? explanation.accepted)) throw new CliError("refused", "");
}

function describe(explanation: Explanation, asked: Verdict | undefined, paint: Painter): string[] {
  const { steps, rules = [], observed } = explanation;
  return [
    ...steps.flatMap((step) => lines(step, paint)),
    ...judgementLines(rules, paint),
    ...observed.map((what) => printable(`           observe mode let through ${what}`)),
    ...verdict(explanation, asked, paint),
  ];
}

/** Never more than is known: what the target has, and was not asked for, may be otherwise. */
function verdict(
  { accepted, reason, role, rule, steps, notAsked }: Explanation,
  asked: Verdict | undefined,
  paint: Painter,
): string[] {
  const unchecked = steps.filter(({ outcome }) => outcome === "not checked").map(({ step }) =>
    step
  );
  const withRole = role === undefined || unchecked.includes("policy")
    ? ""
    : `, with the role ${role}`;
  const byRule = rule === undefined ? "" : `, under the rule ${rule}`;
  const here = accepted
    ? `accepted as far as this machine knows${withRole}${byRule}`
    : `rejected: ${reason}`;
  if (asked !== undefined) {
    const there = asked.accepted ? `accepted: ${asked.message}` : `rejected: ${asked.message}`;
    return asked.accepted === accepted
      ? [paint(accepted ? "green" : "red", printable(`${there}${accepted ? withRole : ""}`))]
      : [
        paint("red", printable(`the function says otherwise: ${there}`)),
        printable(`on this machine: ${here}`),
        "countersign doctor compares the two",
      ];
  }
  if (!accepted) return [paint("red", printable(here))];
  const open = [...unchecked, ...notAsked];
  return [
    paint(open.length === 0 ? "green" : "yellow", printable(here)),
    printable(`not asked: ${open.join("; ") || "the function itself; --ask sends it the token"}`),
  ];
}

const MARKS: Readonly<Record<Step["outcome"], readonly [mark: string, color: Color]>> = {
  passed: ["ok", "green"],
  failed: ["FAILED", "red"],
  "not reached": ["-", "dim"],
  "not checked": ["?", "yellow"],
};

function lines({ step, outcome, message, facts }: Step, paint: Painter): string[] {
  const [mark, color] = MARKS[outcome];
  return [
    `${step.padEnd(10)} ${paint(color, mark.padEnd(7))} ${printable(message ?? "")}`.trimEnd(),
    ...(facts === undefined ? [] : [
      printable(`           token:    ${facts.token}`),
      printable(`           registry: ${facts.registry}`),
    ]),
  ];
}
