/**
 * Runs every test and ends with one line that machines read: `N passed, N failed`.
 *
 * The counts are Deno's own, from its JUnit report. A run that dies before it reports anything
 * (a type error, say) counts as one failure.
 *
 * Not called `test.ts`: Deno would take it for a test and run it inside itself.
 *
 * Arguments are handed to `deno test`: `deno task test --filter rotate`, `deno task test packages/signer`.
 */
import { scratchFolder } from "./scratch_folder.ts";

const report = await Deno.makeTempFile({ suffix: ".xml" });
const scratch = scratchFolder();
try {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--doc", "--parallel", `--junit-path=${report}`, ...Deno.args],
    env: {
      // Tests wait for other processes about half of the time.
      DENO_JOBS: String(navigator.hardwareConcurrency + 1),
      ...(scratch && { TMPDIR: scratch }),
      ...Deno.env.toObject(),
    },
    stdin: "null",
  }).spawn().status;

  const totals = /<testsuites[^>]*\btests="(\d+)"[^>]*\bfailures="(\d+)"[^>]*\berrors="(\d+)"/
    .exec(await Deno.readTextFile(report));
  const tests = Number(totals?.[1] ?? 0);
  let failed = Number(totals?.[2] ?? 0) + Number(totals?.[3] ?? 0);
  if (code !== 0 && failed === 0 || tests === 0) failed += 1;

  console.log(`${Math.max(0, tests - failed)} passed, ${failed} failed`);
  Deno.exitCode = failed === 0 ? 0 : 1;
} finally {
  await Deno.remove(report);
}
