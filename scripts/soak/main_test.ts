import assert from "node:assert/strict";

/** It ends by itself also where whoever started it is gone, and everything that it started ends with it. */
const SHORT = ["--minutes", "0.3", "--faults", "5", "--quiet", "1", "--slowness", "10"];

Deno.test("soak finds nothing wrong in its short form", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "scripts/soak/main.ts", ...SHORT],
    cwd: new URL("../..", import.meta.url),
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const printed = new TextDecoder().decode(stdout);
  const errors = new TextDecoder().decode(stderr);
  assert.match(printed, /^0 wrong$/m, `${printed}${errors}`);
  assert.equal(code, 0, errors);

  const count = (what: RegExp) => Number(what.exec(printed)?.[1] ?? 0);
  const happened = {
    written: count(/^(\d+) writes acknowledged/m),
    refused: count(/forger: 401 token_refused +│ +(\d+) /),
    refusedOnceRevoked: count(/rotating, with the key before: 401 token_refused +│ +(\d+) /),
    usedTwice: count(/replayer: 401 token_already_used +│ +(\d+) /),
    rotated: count(/key rotated +│ +(\d+) /),
    shutOutOrLetIn: count(/issuer shut out or let in +│ +(\d+) /),
    faults: count(/^(\d+) faults$/m),
  };
  for (const [what, times] of Object.entries(happened)) assert.ok(times > 0, `${what}: ${times}`);
  assert.ok(happened.faults >= 5);
});
