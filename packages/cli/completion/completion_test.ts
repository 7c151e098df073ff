import assert from "node:assert/strict";
import { cli, cliJson } from "../fixtures/cli.ts";

/** What bash offers for a line, whose last word is being typed. */
async function offered(line: readonly string[]): Promise<string[]> {
  const { stdout } = await cli(["completion", "bash"]);
  const { stdout: said, stderr } = await new Deno.Command("bash", {
    args: [
      "-c",
      `${stdout}
       COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _countersign; printf '%s\\n' "\${COMPREPLY[@]}"`,
      "bash",
      "countersign",
      ...line,
    ],
    cwd: import.meta.dirname ?? ".",
  }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(said).split("\n").filter(Boolean);
}

Deno.test("completion bash offers commands, their own commands, options and values", async () => {
  assert.deepEqual(await offered(["reg"]), ["register"]);
  assert.deepEqual(await offered(["policy", ""]).then((words) => words.slice(0, 2)), [
    "get",
    "set",
  ]);
  assert.deepEqual(await offered(["policy", "set", "--max"]), [
    "--max-lifetime",
    "--max-exchange-lifetime",
  ]);
  assert.deepEqual(await offered(["register", "--algorithm", "ES"]), ["ES256", "ES384"]);
  assert.deepEqual(await offered(["register", "--public-key", "ba"]), ["bash.ts"]);
  assert.deepEqual(await offered(["register", "--issuer", ""]), []);
  assert.deepEqual(await offered(["completion", "--j"]), ["--json"]);
  assert.deepEqual(await offered(["guard", "enable", "--dry"]), ["--dry-run"]);
  assert.deepEqual(await offered(["nothing"]), []);
});

Deno.test("completion names every command in every shell", async () => {
  const help = (await cli(["--help"])).stdout;
  const commands = Array.from(help.matchAll(/^ {2}([a-z-]+) (?:\[|<)/gm), ([, name = ""]) => name)
    .filter((name) => name !== "help");
  assert(commands.length > 15);
  for (const shell of ["bash", "zsh", "fish"]) {
    const json = await cliJson(["completion", shell]);
    const script = String(Reflect.get(Object(json), "script"));
    for (const name of commands) assert(script.includes(name), `${shell} ${name}`);
    assert.equal(script, (await cli(["completion", shell])).stdout);
  }
});
