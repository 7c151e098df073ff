import assert from "node:assert/strict";
import { shellWord, sqlText } from "./quoting.ts";

Deno.test("shellWord() is one word for a shell, whatever the name holds", async () => {
  for (
    const name of [
      "billing",
      "a b",
      "it's",
      "$(touch x)",
      "`x`",
      "a;b",
      "-n",
      "ä",
      "https://x.co/y",
    ]
  ) {
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", `printf '%s|' ${shellWord(name)}`],
    })
      .output();
    assert.equal(new TextDecoder().decode(stdout), `${name}|`);
  }
});

Deno.test("sqlText() ends where the name ends", () => {
  assert.equal(sqlText("o'dd"), "'o''dd'");
});
