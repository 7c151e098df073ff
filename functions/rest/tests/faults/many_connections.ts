import assert from "node:assert/strict";
import { HttpConnection, newName, requestText } from "@countersign/fixture";
import { type Fault, startMeasured, wellAgain } from "./fault.ts";
import { CONNECTIONS } from "./load/size.ts";

export const MANY_CONNECTIONS: Fault = {
  name: `${CONNECTIONS} connections at once`,
  async run(scene) {
    const { stage } = scene;
    // The time-out is not what this is about: PostgREST has ten connections to Postgres.
    await using running = await startMeasured({
      ...stage.env,
      COUNTERSIGN_UPSTREAM_URL: stage.target.postgrestUrl,
      COUNTERSIGN_UPSTREAM_TIMEOUT: "30s",
    });
    await using opened = new AsyncDisposableStack();
    const connections = await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
      const connection = await HttpConnection.open(running.origin);
      opened.defer(() => connection[Symbol.dispose]());
      return connection;
    }));
    const honest = stage.billing.token();
    const forged = stage.billing.token({ signature: () => new Uint8Array(64).fill(7) });
    const written: string[] = [];
    const statuses = await Promise.all(connections.map(async (connection, i) => {
      const name = newName();
      const isHonest = i % 4 !== 0;
      if (isHonest) written.push(name);
      const attempt = { path: "/rest/v1/invoices", body: JSON.stringify({ name }) };
      const answer = await connection.send(requestText(attempt, isHonest ? honest : forged));
      return { status: answer.status, wanted: isHonest ? 201 : 401 };
    }));
    assert.deepEqual(statuses.filter(({ status, wanted }) => status !== wanted), []);
    const rows = await stage.sql<{ name: string }[]>`
      select name from public.invoices where name = any (${written})`;
    assert.deepEqual(rows.map(({ name }) => name).sort(), written.sort());
    await wellAgain(scene, this.name, 1_000, running);
  },
};
