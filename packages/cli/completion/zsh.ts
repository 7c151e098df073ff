import type { CompletedCommand, CompletedOption } from "./command_tree.ts";

/** A completion for zsh, as a function of its `fpath` or to be sourced. */
export function zshCompletion(commands: readonly CompletedCommand[]): string {
  return `#compdef countersign
# zsh completion for countersign: source <(countersign completion zsh)
${commands.map(functionOf).join("\n")}
if [ "$funcstack[1]" = "_countersign" ]; then _countersign; else compdef _countersign countersign; fi
`;
}

function functionOf({ path, commands, options }: CompletedCommand): string {
  const flags = options.map(argument).join(" \\\n    ");
  if (commands.length === 0) {
    return `${nameOf(path)}() {
  _arguments -S \\
    ${flags} \\
    '*:file:_files'
}`;
  }
  return `${nameOf(path)}() {
  local context state line
  local -a commands=(${
    commands.map(({ name, description }) => `\n    '${name}:${description}'`).join("")
  }
  )
  _arguments -C \\
    ${flags} \\
    '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $line[1] in
${commands.map(({ name }) => `        ${name}) ${nameOf([...path, name])} ;;`).join("\n")}
      esac ;;
  esac
}`;
}

function nameOf(path: readonly string[]): string {
  return ["_countersign", ...path].join("_").replaceAll("-", "_");
}

function argument({ long, description, takesValue, choices, isPath }: CompletedOption): string {
  const value = !takesValue
    ? ""
    : choices.length > 0
    ? `:value:(${choices.join(" ")})`
    : isPath
    ? ":file:_files"
    : ":value: ";
  return `'*${long}[${description}]${value}'`;
}
