import assert from "node:assert/strict";
import { type DenoPostgresPool, fromDenoPostgres } from "./from_deno_postgres.ts";

function fakePool(answer: () => Promise<{ rows: Record<string, unknown>[] }>) {
  const log: string[] = [];
  const pool: DenoPostgresPool = {
    connect() {
      log.push("connect");
      return Promise.resolve({
        queryObject({ text, args }) {
          log.push(`${text} ${JSON.stringify(args)}`);
          return answer();
        },
        release: () => void log.push("release"),
      });
    },
    end: () => Promise.resolve(void log.push("end")),
  };
  return { pool, log };
}

Deno.test("fromDenoPostgres() borrows a client for each statement", async () => {
  const { pool, log } = fakePool(() => Promise.resolve({ rows: [{ version: "1" }] }));
  const client = fromDenoPostgres(pool);
  assert.deepEqual(await client.query("select $1", ["a"]), [{ version: "1" }]);
  await client.end();
  assert.deepEqual(log, ["connect", 'select $1 ["a"]', "release", "end"]);
  assert.equal(client.listen, undefined);
});

Deno.test("fromDenoPostgres() gives the client back after a failure too", async () => {
  const { pool, log } = fakePool(() => Promise.reject(new Error("gone")));
  await assert.rejects(fromDenoPostgres(pool).query("select 1", []), /gone/);
  assert.equal(log.at(-1), "release");
});
