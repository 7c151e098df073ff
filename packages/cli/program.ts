import { Command } from "commander";
import { addActivate } from "./commands/registry/activate.ts";
import { addApply } from "./declared/apply.ts";
import { addAudit } from "./commands/registry/audit.ts";
import { addCompletion } from "./commands/completion.ts";
import { addDeactivate } from "./commands/registry/deactivate.ts";
import { addDev } from "./commands/dev.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addExport } from "./declared/export.ts";
import { addExplain } from "./commands/explain.ts";
import { addGuard } from "./commands/registry/guard.ts";
import { addInit } from "./commands/init.ts";
import { addKeygen } from "./commands/keygen.ts";
import { addList } from "./commands/registry/list.ts";
import { addMint } from "./commands/mint.ts";
import { addPlan } from "./declared/plan.ts";
import { addPolicy } from "./commands/registry/policy.ts";
import { addRegister } from "./commands/registry/register.ts";
import { addRevoke } from "./commands/registry/revoke.ts";
import { addRotate } from "./commands/registry/rotate.ts";
import { addProviderCommands } from "./federation/provider.ts";
import { addRuleCommands } from "./federation/rule.ts";
import { addServe } from "./commands/serve.ts";
import config from "./deno.json" with { type: "json" };
import type { CliIo } from "./io.ts";

/** Independent of the terminal, because the reference is generated from it. */
const HELP_WIDTH = 100;

/** The command with all its subcommands. Throws instead of exiting, and writes only through `io`. */
export function createProgram(io: CliIo): Command {
  const program = new Command("countersign")
    .description(
      "Let backend services write to a Supabase project, each with its own key and limits",
    )
    .version(config.version)
    .exitOverride()
    .configureOutput({
      writeOut: io.stdout,
      writeErr: io.stderr,
      // run.ts reports errors, so that they have one form.
      outputError: () => {},
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
    })
    .addHelpText(
      "after",
      `
Exit status: 0 success, 1 failure, 2 usage error.

Example:
  $ countersign keygen --issuer billing --target https://prod-abc123.supabase.co --out ./keys
`,
    );
  for (
    const add of [
      addInit,
      addKeygen,
      addRegister,
      addMint,
      addList,
      addExplain,
      addDoctor,
      addPolicy,
      addRotate,
      addRevoke,
      addDeactivate,
      addActivate,
      addProviderCommands,
      addRuleCommands,
      addAudit,
      addGuard,
      addExport,
      addPlan,
      addApply,
      addDev,
      addServe,
      addCompletion,
    ]
  ) {
    add(program, io);
  }
  return program;
}
