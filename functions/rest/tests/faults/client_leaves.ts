import assert from "node:assert/strict";
import { newName, requestText } from "@countersign/fixture";
import { type Fault, wellAgain } from "./fault.ts";

export const CLIENT_LEAVES: Fault = {
  name: "clients leave without waiting for the answer to their write",
  async run(scene) {
    const { stage } = scene;
    const { hostname, port } = new URL(scene.function.origin);
    const names = Array.from({ length: 40 }, newName);
    await Promise.all(names.map(async (name, i) => {
      const body = JSON.stringify({ name });
      const text = requestText({ path: "/rest/v1/invoices", body }, stage.billing.token());
      const socket = await Deno.connect({ hostname, port: Number(port) });
      const bytes = new TextEncoder().encode(text);
      for (let sent = 0; sent < bytes.length;) sent += await socket.write(bytes.subarray(sent));
      await new Promise((resolve) => setTimeout(resolve, i));
      socket.close();
    }));
    await wellAgain(scene, this.name);
    const doubled = await stage.sql`
      select name from public.invoices where name = any (${names}) group by name
      having count(*) > 1`;
    assert.equal(doubled.length, 0);
  },
};
