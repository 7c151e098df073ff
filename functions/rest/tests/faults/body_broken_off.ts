import assert from "node:assert/strict";
import { newName, requestText, until } from "@countersign/fixture";
import { type Fault, wellAgain } from "./fault.ts";

/** PostgREST must never take half a body for a whole one. */
export const BODY_BROKEN_OFF: Fault = {
  name: "the client breaks off in the middle of its body",
  async run(scene) {
    const { stage } = scene;
    const { hostname, port } = new URL(scene.function.origin);
    const names = Array.from({ length: 10 }, newName);
    await Promise.all(names.map(async (name) => {
      // Half of it is valid JSON by itself: what was cut off is only white space.
      const body = JSON.stringify({ name }) + " ".repeat(1_000);
      const text = requestText({ path: "/rest/v1/invoices", body }, stage.billing.token());
      const socket = await Deno.connect({ hostname, port: Number(port) });
      const half = new TextEncoder().encode(text.slice(0, -500));
      for (let sent = 0; sent < half.length;) sent += await socket.write(half.subarray(sent));
      socket.close();
    }));
    const twin = newName();
    const body = JSON.stringify({ name: twin }) + " ".repeat(1_000);
    const whole = { path: "/rest/v1/invoices", body, token: stage.billing.token() };
    assert.equal((await stage.send(whole, scene.function.origin)).status, 201);

    await wellAgain(scene, this.name);
    await until("PostgREST is done with all of them", async () => {
      const [row] = await stage.sql<{ busy: number }[]>`
        select count(*)::int as busy from pg_stat_activity
        where usename = 'authenticator' and state <> 'idle'`;
      return row!.busy === 0;
    });
    const rows = await stage.sql<{ name: string }[]>`
      select name from public.invoices where name = any (${[...names, twin]})`;
    assert.deepEqual(rows.map(({ name }) => name), [twin]);
  },
};
