import type { Command } from "commander";

/** An option, as a shell completes it. */
export interface CompletedOption {
  readonly long: string;
  readonly description: string;
  readonly takesValue: boolean;
  /** The values that there are; none if any text will do. */
  readonly choices: readonly string[];
  /** Whether its value names a file or a folder. */
  readonly isPath: boolean;
}

/** A command, as a shell completes it. */
export interface CompletedCommand {
  /** The words that lead to it; none for the program itself. */
  readonly path: readonly string[];
  readonly description: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletedOption[];
}

/** Every command below a program, itself first. */
export function commandTree(
  command: Command,
  path: readonly string[] = [],
): readonly CompletedCommand[] {
  const commands = command.commands.map((sub) => ({
    name: sub.name(),
    description: oneLine(sub.description()),
  }));
  const options = command.options.flatMap((option): CompletedOption[] => {
    const { long, description, required, optional, flags, argChoices = [] } = option;
    if (!long) return [];
    const takesValue = required || optional;
    const isPath = /<(file|folder)>/.test(flags);
    return [{ long, description: oneLine(description), takesValue, choices: argChoices, isPath }];
  });
  const help = { long: "--help", description: "display help for command" };
  const own: CompletedCommand = {
    path,
    description: oneLine(command.description()),
    commands,
    options: [...options, { ...help, takesValue: false, choices: [], isPath: false }],
  };
  return [
    own,
    ...command.commands.flatMap((sub) => commandTree(sub, [...path, sub.name()])),
  ];
}

/** Without what a shell, or the format of a completion, would take for its own. */
function oneLine(text: string): string {
  return text.replace(/[\s'"`$\\:[\]]+/g, " ").trim();
}
