import type { CompletedCommand } from "./command_tree.ts";

/** A completion for fish. */
export function fishCompletion(commands: readonly CompletedCommand[]): string {
  return `# fish completion for countersign: countersign completion fish | source
function __countersign_at
  set -l words (commandline -opc)[2..]
  set -l path
  for word in $words
    string match -q -- "-*" $word; and continue
    if contains -- (string join " " $path $word) ${
    commands.filter(({ path }) => path.length > 0).map(({ path }) => `"${path.join(" ")}"`).join(
      " ",
    )
  }
      set path $path $word
    end
  end
  set -l at (string join " " $path)
  test "$at" = "$argv"
end
complete -c countersign -f
${commands.flatMap(linesOf).join("\n")}
`;
}

function linesOf({ path, commands, options }: CompletedCommand): string[] {
  const complete = `complete -c countersign -n '__countersign_at ${path.join(" ")}'`;
  return [
    ...commands.map(({ name, description }) => `${complete} -a ${name} -d '${description}'`),
    ...options.map(({ long, description, takesValue, choices, isPath }) =>
      [
        `${complete} -l ${long.slice(2)} -d '${description}'`,
        ...(takesValue
          ? [choices.length > 0 ? `-x -a '${choices.join(" ")}'` : isPath ? "-r -F" : "-x"]
          : []),
      ].join(" ")
    ),
  ];
}
