import type { CompletedCommand } from "./command_tree.ts";

/** A completion for bash 4 and newer. */
export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const paths = commands.filter(({ path }) => path.length > 0).map(({ path }) =>
    `"${path.join(" ")}"`
  );
  const values = commands.flatMap(({ path, options }) =>
    options.filter(({ takesValue }) => takesValue).map(({ long, choices, isPath }) =>
      `    "${path.join(" ")} ${long}") ${
        choices.length > 0
          ? `COMPREPLY=($(compgen -W "${choices.join(" ")}" -- "$cur"))`
          : isPath
          ? 'COMPREPLY=($(compgen -f -- "$cur"))'
          : "COMPREPLY=()"
      }; return ;;`
    )
  );
  const words = commands.map(({ path, commands, options }) =>
    `    "${path.join(" ")}") words="${
      [...commands.map(({ name }) => name), ...options.map(({ long }) => long)].join(" ")
    }" ;;`
  );
  return `# bash completion for countersign: source <(countersign completion bash)
_countersign() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}" path="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
    case "\${path:+$path }$word" in
      ${paths.join("|")}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path $prev" in
${values.join("\n")}
  esac
  case "$path" in
${words.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _countersign countersign
`;
}
