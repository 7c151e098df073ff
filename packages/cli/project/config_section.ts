import { parse, TomlError } from "smol-toml";

/** What there is to do to a `supabase/config.toml`. */
export type ConfigChange =
  | { readonly kind: "none" }
  /** Text to put at the end of the file. */
  | { readonly kind: "append"; readonly text: string }
  /** Something only its owner can decide. */
  | { readonly kind: "obstacle"; readonly reason: string };

const SECTION = `[functions.rest]
# The function verifies by itself: the platform would refuse an issuer's token first.
verify_jwt = false
`;

const EXPECTED: Readonly<Record<string, readonly unknown[]>> = {
  enabled: [undefined, true],
  verify_jwt: [false],
  entrypoint: [undefined, "./functions/rest/index.ts", "functions/rest/index.ts"],
  import_map: [undefined, "./functions/rest/deno.json", "functions/rest/deno.json"],
};

/**
 * Says how a configuration gets the section `[functions.rest]`.
 *
 * Only ever appends, so that what its owner wrote stays as it is, byte for byte. A section that is there already, in
 * whichever way TOML lets one write it, is left alone and has to fit.
 */
export function configChange(config: string): ConfigChange {
  const before = sections(config);
  if (before === undefined) return obstacle("is not valid TOML; supabase would not read it either");
  const section = member(before, "functions", "rest");
  if (section !== undefined) return misfit(section);

  const end = config.includes("\r\n") ? "\r\n" : "\n";
  const gap = config === "" ? "" : config.endsWith("\n") ? end : end + end;
  const text = gap + SECTION.replaceAll("\n", end);
  // `functions = {}` is closed: a section below it would make the file invalid.
  const after = sections(config + text);
  return after === undefined || misfit(member(after, "functions", "rest")).kind !== "none"
    ? obstacle('has "functions" in a form that can\'t be appended to; add verify_jwt = false to it')
    : { kind: "append", text };
}

function misfit(section: unknown): ConfigChange {
  for (const [name, accepted] of Object.entries(EXPECTED)) {
    const found = member(section, name);
    if (accepted.includes(found)) continue;
    const wanted = accepted.find((value) => value !== undefined);
    return obstacle(
      `has a [functions.rest] with ${name} ${
        found === undefined ? "missing" : "set otherwise"
      }; expected ${name} = ${JSON.stringify(wanted)}`,
    );
  }
  return { kind: "none" };
}

function obstacle(reason: string): ConfigChange {
  return { kind: "obstacle", reason };
}

/** Nothing of the parser's message is passed on: it quotes the file, which may hold secrets. */
function sections(config: string): unknown {
  try {
    return parse(config);
  } catch (error) {
    if (error instanceof TomlError) return undefined;
    throw error;
  }
}

function member(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, name) => typeof at === "object" && at !== null ? Reflect.get(at, name) : undefined,
    value,
  );
}
