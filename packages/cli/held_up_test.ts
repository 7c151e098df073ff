import { until } from "@countersign/fixture";
import { startLocalTarget } from "@countersign/local-target";
import assert from "node:assert/strict";
import { join } from "node:path";
import postgres from "postgres";
import { assertFailed, cli, cliJson, type World } from "./fixtures/cli.ts";

Deno.test("commands that a forgotten transaction holds up name it within 5 s, over REST and SQL", async () => {
  await using local = await startLocalTarget({ function: false });
  const folder = await Deno.makeTempDir();
  const forgetful = postgres(local.databaseUrl, { max: 1, onnotice: () => {} });
  const sql = await forgetful.reserve();
  const worlds: World[] = [
    { env: { SUPABASE_URL: local.url, SUPABASE_SERVICE_ROLE_KEY: local.serviceRoleKey }, fetch },
    { env: { COUNTERSIGN_ADMIN_DB_URL: local.databaseUrl } },
  ];
  try {
    // An issuer each: who waits behind another change of the same rows waits longer.
    const made = await Promise.all(
      worlds.flatMap((_, at) =>
        ["deactivate", "revoke", "rotate", "policy"].map(async (command) => {
          const issuer = `${command}-${at}`;
          const keygen = async (name: string) =>
            await cliJson([
              ...["keygen", "--issuer", issuer, "--algorithm", "ES256"],
              ...["--out", join(folder, issuer, name)],
            ]) as Record<string, string>;
          const { kid = "", publicKeyFile = "" } = await keygen("first");
          await cliJson(["register", "--issuer", issuer, "--public-key", publicKeyFile], worlds[0]);
          return { issuer, kid, next: (await keygen("second")).publicKeyFile ?? "" };
        })
      ),
    );

    await sql`begin`;
    await sql`update jwt_public_keys set not_after = now() + interval '1 day'`;
    const [row] = await sql`
      update jwt_issuers set description = 'unfinished' returning pg_backend_pid() as pid`;
    await until("the transaction is old enough to be named", async () => {
      const [line] = await sql`select clock_timestamp() > now() + interval '1.1 s' as is_old`;
      return line?.is_old;
    });
    await Promise.all(made.map(async ({ issuer, kid, next }, at) => {
      const commands: Record<string, string[]> = {
        deactivate: ["deactivate", "--issuer", issuer],
        revoke: ["revoke", "--kid", kid],
        rotate: ["rotate", "--issuer", issuer, "--public-key", next],
        policy: ["policy", "set", "--issuer", issuer, "--max-lifetime", "2m"],
      };
      const command = commands[issuer.split("-")[0] ?? ""] ?? [];
      const start = performance.now();
      const outcome = await cli(command, worlds[Number(at >= 4)]);
      const took = performance.now() - start;
      const holder = `held up by session ${row?.pid} \\(user "postgres", idle in transaction`;
      assertFailed(outcome, 1, new RegExp(`${holder}, since [^)]+\\): select clock_timestamp`));
      assert(took < 5_000, `${command[0]}: ${took} ms`);
    }));
  } finally {
    await sql`rollback`;
    sql.release();
    await forgetful.end();
    await Deno.remove(folder, { recursive: true });
  }
});
