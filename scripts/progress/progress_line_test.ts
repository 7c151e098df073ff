import assert from "node:assert/strict";
import { clock } from "./progress_line.ts";

const MODULE = import.meta.resolve("./progress_line.ts");
const PROGRAM = `
  import { ProgressLine } from "${MODULE}";
  {
    using line = new ProgressLine(() => "2 of 7: proxy");
    await new Promise((resolve) => setTimeout(resolve, 1300));
    line.above(() => console.log("a result"));
  }`;

/** What a program writes, to a terminal or to pipes. */
async function written(terminal: boolean): Promise<string> {
  const program = [
    Deno.execPath(),
    "run",
    "-A",
    "--no-check",
    `data:text/typescript,${encodeURIComponent(PROGRAM)}`,
  ];
  const { stdout, stderr } = await (terminal
    ? new Deno.Command("script", {
      args: [
        "-qec",
        program.map((part) => `'${part.replaceAll("'", "%27")}'`).join(" "),
        "/dev/null",
      ],
      env: { TERM: "dumb" },
    })
    : new Deno.Command(program[0]!, { args: program.slice(1) })).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test("ProgressLine shows on a terminal how far a task is, and takes it back", async () => {
  const text = await written(true);
  const erase = "\r\x1b[K";
  assert(text.includes(`${erase}0:01  2 of 7: proxy${erase}a result`), JSON.stringify(text));
  assert(text.endsWith(erase), JSON.stringify(text));
});

Deno.test("ProgressLine writes nothing to a pipe", async () => {
  assert.equal(await written(false), "a result\n");
});

Deno.test("clock() counts minutes and seconds", () => {
  assert.equal(clock(0), "0:00");
  assert.equal(clock(61_999), "1:01");
  assert.equal(clock(3_600_000), "60:00");
});
