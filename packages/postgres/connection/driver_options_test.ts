import assert from "node:assert/strict";
import postgres from "postgres";
import { parsePostgresUrl } from "../url/postgres_url.ts";
import { driverOptions } from "./driver_options.ts";

/** What postgres.js would otherwise take from the environment. */
const HOSTILE = {
  PGHOST: "evil.example.com",
  PGPORT: "1",
  PGUSER: "postgres",
  PGUSERNAME: "postgres",
  PGDATABASE: "postgres",
  PGPASSWORD: "hunter2",
  PGAPPNAME: "evil",
  PGMAX: "50",
  PGSSL: "prefer",
  PGIDLE_TIMEOUT: "1",
  PGPREPARE: "true",
};

Deno.test("driverOptions() leaves nothing to the environment", async () => {
  const target = parsePostgresUrl("postgres://reader@db.example.com/registry?sslmode=require");
  const before = postgres(driverOptions(target)).options;
  for (const [name, value] of Object.entries(HOSTILE)) Deno.env.set(name, value);
  try {
    const { options } = postgres(driverOptions(target));
    assert.deepEqual([options.host, options.port], [["db.example.com"], [5432]]);
    assert.deepEqual([options.user, options.database], ["reader", "registry"]);
    assert.equal(options.connection.application_name, "countersign");
    assert.equal(options.prepare, false);
    const pass: unknown = options.pass;
    assert.equal(typeof pass === "function" ? await pass() : pass, "");
    for (const name of ["max", "ssl", "idle_timeout"] as const) {
      assert.equal(options[name], before[name], name);
    }
  } finally {
    for (const name of Object.keys(HOSTILE)) Deno.env.delete(name);
  }
});
