import { Argument, type Command } from "commander";
import { bashCompletion } from "../completion/bash.ts";
import { commandTree, type CompletedCommand } from "../completion/command_tree.ts";
import { fishCompletion } from "../completion/fish.ts";
import { zshCompletion } from "../completion/zsh.ts";
import type { CliIo } from "../io.ts";
import { type OutputOptions, writeResult } from "../options/output.ts";

const SHELLS: Readonly<Record<string, (commands: readonly CompletedCommand[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** `countersign completion`. Comes last, because it completes every command before it. */
export function addCompletion(program: Command, io: CliIo): void {
  program.command("completion")
    .description("Print a script that completes commands and options in your shell")
    .addArgument(new Argument("<shell>", "the shell").choices(Object.keys(SHELLS)))
    .option("--json", "print the script as JSON")
    .addHelpText(
      "after",
      `
Source it from your shell's configuration: ~/.bashrc, ~/.zshrc (after compinit), or
~/.config/fish/config.fish.

Example:
  $ source <(countersign completion bash)
  $ countersign completion fish | source
`,
    )
    .action((shell: string, options: OutputOptions) => {
      const script = SHELLS[shell]?.(commandTree(program)) ?? "";
      // Unescaped: the script is ours, and holds line ends.
      if (options.json !== true) return io.stdout(script);
      writeResult(io, options, { json: { shell, script }, lines: [] });
    });
}
