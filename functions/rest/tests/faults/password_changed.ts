import assert from "node:assert/strict";
import postgres from "postgres";
import { type Fault, forgedRead, read, startMeasured, wellAgain } from "./fault.ts";
import { until } from "@countersign/fixture";

/** A second, and what a busy machine adds. */
const SOON = 2_000;

export const PASSWORD_CHANGED: Fault = {
  name: "the registry's password is changed",
  async run(scene) {
    const { stage } = scene;
    const url = new URL(stage.env.SUPABASE_DB_URL!);
    url.username = "countersign_reader";
    url.password = "hunter-one";
    const env = { ...stage.env, COUNTERSIGN_DB_URL: url.href };
    await using superuser = closing(postgres(stage.target.superuserUrl, { max: 1 }));
    const { sql } = superuser;
    await sql`alter role countersign_reader login password 'hunter-one'`;
    await using running = await startMeasured(env);
    assert.equal(await read(scene, running), "200");

    await sql`alter role countersign_reader password 'hunter-two'`;
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where usename = 'countersign_reader'`;
    await until(
      "the record is stale",
      async () => await read(scene, running) === "503 registry_unavailable",
    );
    assert.equal(await forgedRead(scene, running), "503 registry_unavailable");
    assert.match(running.printed(), /"alarm":true.*"cause":"28P01","hint":"Postgres refused the/);
    assert.doesNotMatch(running.printed(), /hunter/);

    url.password = "hunter-two";
    await using redeployed = await startMeasured({ ...env, COUNTERSIGN_DB_URL: url.href });
    await wellAgain(scene, `${this.name}: deployed again`, SOON, redeployed);
    await sql`alter role countersign_reader nologin password null`;
  },
};

function closing(sql: postgres.Sql): AsyncDisposable & { readonly sql: postgres.Sql } {
  return { sql, [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }) };
}
