import assert from "node:assert/strict";
import { assertFailed, cli } from "../fixtures/cli.ts";
import { diagnose } from "../fixtures/doctor_stage.ts";

const REF = "abcdefghijklmnopqrst";
const OTHER = "tsrqponmlkjihgfedcba";
const TARGET = `https://${REF}.supabase.co`;

/** Access to a project's database that nobody answers at. */
const direct = (ref: string) => `postgresql://postgres:pw@db.${ref}.supabase.co:5432/postgres`;
const pooler = (ref: string) =>
  `postgresql://postgres.${ref}:pw@aws-0-eu-west-1.pooler.supabase.com:6543/postgres`;

for (const [kind, url] of [["a direct", direct(OTHER)], ["a pooler's", pooler(OTHER)]] as const) {
  Deno.test(`doctor refuses ${kind} database URL of another project, and does not show it`, async () => {
    const outcome = await cli(["doctor", "--target", TARGET, "--database-url", url]);
    assertFailed(outcome, 2, new RegExp(`that of ${REF}, found that of ${OTHER}`));
    assert(!outcome.stderr.includes(url));
  });
}

Deno.test("doctor does not take a database from the environment that may be another project's", async () => {
  for (
    const url of [direct(OTHER), pooler(OTHER), "postgresql://postgres:pw@127.0.0.1:9/postgres"]
  ) {
    const { findings } = await diagnose(
      { COUNTERSIGN_ADMIN_DB_URL: url },
      { fetch: () => Promise.reject(new TypeError("no network")) },
      ["--target", TARGET],
    );
    const access = findings.find(({ check }) => check === "access");
    assert.equal(access?.outcome, "not checked");
    assert.match(access?.message ?? "", /may be that of another project; give --database-url/);
  }
});

for (
  const [args, message] of [
    [[], /Expected --target <url>/],
    [["--target", "abc"], /--target: .* begin with "https:/],
    [["--target", "postgres://h/d"], /--target: .* found a database's/],
    [["--target", "https://user:pw@x.supabase.co"], /--target: .* without credentials/],
    [["--target", `${TARGET}/rest/v1`], /--target: .* leave out "\/rest\/v1"/],
    [
      ["--target", "https://supabase.com/dashboard/project/x"],
      /--target: .* found the dashboard's/,
    ],
    [["--target", TARGET, "--table", "notes"], /Expected --issuer with --table/],
    [["--target", TARGET, "--issuer", "a", "--body", "x"], /Expected --body to be JSON/],
    [
      ["--target", TARGET, "--issuer", "a", "--table", "t", "--method", "PATCH"],
      /Expected --body with/,
    ],
    [["--target", TARGET, "--database-url", "nonsense"], /Expected a connection URL/],
  ] as const
) {
  Deno.test(`doctor exits with 2 for: ${args.join(" ")}`, async () => {
    assertFailed(await cli(["doctor", ...args]), 2, message);
  });
}
