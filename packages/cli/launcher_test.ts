import assert from "node:assert/strict";
import { launcher } from "./launcher.ts";

Deno.test("launcher() finds nobody where npm says that it did not start this program", () => {
  assert.equal(launcher({}), undefined);
  assert.equal(launcher({ npm_execpath: undefined }), undefined);
});

Deno.test("launcher() finds the npm that started this program, and learns of its death", async () => {
  const script = `
    import { launcher } from ${JSON.stringify(new URL("launcher.ts", import.meta.url).href)};
    const alive = setInterval(() => {}, 1000);
    const found = launcher({ npm_execpath: "npm-cli.js" });
    console.log(found.pid);
    await found.gone;
    clearInterval(alive);
    console.log("gone");
  `;
  const npm = new Deno.Command("bash", {
    args: ["-c", `exec -a npm bash -c '"$0" eval "$1"; true' "$0" "$1"`, Deno.execPath(), script],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const lines = npm.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await lines.read()).value, `${npm.pid}\n`);
  npm.kill("SIGKILL");
  await npm.status;
  assert.equal((await lines.read()).value, "gone\n");
  await lines.cancel();
});
