import { until } from "@countersign/fixture";
import assert from "node:assert/strict";
import postgres from "postgres";
import {
  local,
  newKey,
  refused,
  register,
  rotate,
  sql,
  type Subject,
  WAYS,
  withTarget,
} from "../fixtures/every_way.ts";
import { deactivateIssuer, revokeKey, setPolicy } from "../mod.ts";

withTarget();

/** A transaction that has changed the rows of some issuers, with a name that starts so, and that nobody ends. */
async function forgotten(prefix: string): Promise<{ pid: number } & AsyncDisposable> {
  const client = postgres(local.databaseUrl, { prepare: false, max: 1, onnotice: () => {} });
  const connection = await client.reserve();
  await connection`begin`;
  await connection`
    update jwt_public_keys set not_after = now() + interval '1 day' where issuer like ${
    prefix + "%"
  }`;
  const [row] = await connection<{ pid: number }[]>`
    update jwt_issuers set description = 'unfinished' where issuer like ${prefix + "%"}
    returning pg_backend_pid() as pid`;
  assert(row !== undefined);
  await until("the transaction is old enough to be named", async () => {
    const rows = await sql`select from jwt_registry_holders where pid = ${row.pid}`;
    return rows.length === 1;
  });
  return {
    pid: row.pid,
    async [Symbol.asyncDispose]() {
      await connection`rollback`;
      connection.release();
      await client.end();
    },
  };
}

const CHANGES: Readonly<Record<string, (subject: Subject) => Promise<unknown>>> = {
  deactivateIssuer: ({ target, issuer }) => deactivateIssuer(target, issuer),
  revokeKey: ({ target, kid }) => revokeKey(target, kid),
  setPolicy: ({ target, issuer }) => setPolicy(target, issuer, { singleUse: true }),
  rotateKey: async (s) => rotate({ ...s, publicKey: (await newKey()).publicKey }),
};

for (const [way, target] of Object.entries(WAYS)) {
  Deno.test(`changes that a forgotten transaction holds up name it within 5 s, over ${way}`, async () => {
    const prefix = `held-${crypto.randomUUID()}-`;
    const changes = await Promise.all(
      Object.entries(CHANGES).map(async ([name, change]) => {
        const subject = { target: target(), issuer: prefix + name, ...await newKey() };
        await register(subject);
        return () => change(subject);
      }),
    );
    {
      await using holder = await forgotten(prefix);
      const message = new RegExp(
        `held up by session ${holder.pid} \\(user "postgres", idle in transaction, since [^)]+\\): ` +
          "update jwt_issuers set description = 'unfinished' .*" +
          `End it with "select pg_terminate_backend\\(${holder.pid}\\).*", and try again`,
      );
      // A client with one connection makes them one after the other.
      const atOnce = "sql" in target() ? changes.slice(0, 1) : changes;
      await Promise.all(atOnce.map(async (change) => {
        const start = performance.now();
        await refused("conflict", change(), message);
        const took = performance.now() - start;
        assert(took < 5_000, `${took} ms`);
      }));
    }
    for (const change of changes) await change();
  });
}
