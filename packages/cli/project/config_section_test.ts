import assert from "node:assert/strict";
import { parse } from "smol-toml";
import { configChange } from "./config_section.ts";

/** What a file says, as objects like any other. */
function plain(config: string): Record<string, unknown> {
  return JSON.parse(JSON.stringify(parse(config)));
}

const OURS = "[functions.rest]\nverify_jwt = false\n";

for (
  const [what, config] of [
    ["a file that is empty", ""],
    ["a file of comments", "# nothing yet\n"],
    ["a file without a line end", 'project_id = "a"'],
    ["another function", "[functions.other]\nverify_jwt = true\n"],
    ["a function whose name begins alike", "[functions.rest2]\nverify_jwt = true\n"],
    ["a section that is commented out", "# [functions.rest]\n# verify_jwt = false\n"],
    ["the name inside a text", 'a = """\n[functions.rest]\n"""\n'],
    ["an open table of functions", "[functions]\nother.verify_jwt = true\n"],
  ] as const
) {
  Deno.test(`configChange() appends to ${what}`, () => {
    const change = configChange(config);
    assert(change.kind === "append");
    const { functions: before = {}, ...others } = plain(config);
    assert.deepEqual(plain(config + change.text), {
      ...others,
      functions: { ...Object(before), rest: { verify_jwt: false } },
    });
    assert.deepEqual(configChange(config + change.text), { kind: "none" });
  });
}

Deno.test("configChange() keeps to the file's line ends", () => {
  const change = configChange('project_id = "a"\r\n');
  assert(change.kind === "append");
  assert(!/[^\r]\n/.test(change.text));
  const unix = configChange('project_id = "a"\n');
  assert(unix.kind === "append" && !unix.text.includes("\r"));
});

for (
  const [what, config] of [
    ["ours", OURS],
    [
      "the one that supabase functions new writes",
      [
        "[functions.rest]",
        "enabled = true",
        "verify_jwt = false",
        'import_map = "./functions/rest/deno.json"',
        'entrypoint = "./functions/rest/index.ts"',
      ].join("\n"),
    ],
    ["one line", "functions.rest.verify_jwt = false\n"],
    ["an inline table", "functions = { rest = { verify_jwt = false } }\n"],
    ["quoted names", '[ "functions" . "rest" ]\nverify_jwt = false\n'],
    ["Windows line ends", OURS.replaceAll("\n", "\r\n")],
  ] as const
) {
  Deno.test(`configChange() leaves a section alone that fits: ${what}`, () => {
    assert.deepEqual(configChange(config), { kind: "none" });
  });
}

for (
  const [what, config, reason] of [
    ["verifies tokens", "[functions.rest]\nverify_jwt = true\n", /verify_jwt set otherwise/],
    ["verifies them by default", "[functions.rest]\n", /verify_jwt missing/],
    ["means it in words", '[functions.rest]\nverify_jwt = "false"\n', /verify_jwt = false$/],
    ["is switched off", `${OURS}enabled = false\n`, /expected enabled = true/],
    ["runs another file", `${OURS}entrypoint = "../a.ts"\n`, /entrypoint set otherwise/],
    ["has another import map", `${OURS}import_map = "../a.json"\n`, /import_map set otherwise/],
    ["is no table", "[functions]\nrest = 1\n", /verify_jwt missing/],
    ["is there twice", OURS + OURS, /not valid TOML/],
    ["stands in a broken file", `${OURS}secret = "sk-123\n`, /not valid TOML/],
    ["can't be appended", "functions = { other = {} }\n", /can't be appended to/],
  ] as const
) {
  Deno.test(`configChange() explains a section that ${what}, and quotes nothing`, () => {
    const change = configChange(config);
    assert(change.kind === "obstacle");
    assert.match(change.reason, reason);
    assert.doesNotMatch(change.reason, /sk-123|\.\.\/a|"false"/);
  });
}
