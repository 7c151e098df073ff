/**
 * How the function starts, on both versions of Deno: what is missing is named, and secrets are
 * never repeated.
 */
import assert from "node:assert/strict";
import { edgeRuntime, ownProcess } from "@countersign/fixture/stage";
import { until } from "@countersign/fixture";

const SECRET = "a secret of more than thirty-two bytes";
const COMPLETE = {
  SUPABASE_URL: "https://prod-abc123.supabase.co",
  SUPABASE_DB_URL: "postgres://postgres:hunter2hunter2@127.0.0.1:9/postgres",
  SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_x"}',
  COUNTERSIGN_JWT_SECRET: SECRET,
};

for (const host of [ownProcess, edgeRuntime]) {
  Deno.test(`functions/rest on ${host.name}`, async (t) => {
    for (const name of ["SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEYS", "COUNTERSIGN_JWT_SECRET"]) {
      await t.step(`fails at the start and names ${name} where it is missing`, async () => {
        const started = host.start({ ...COMPLETE, [name]: "" });
        await assert.rejects(started, ({ message }: Error) => {
          assert.match(message, new RegExp(`ConfigurationError: .*"${name}"`));
          assert.doesNotMatch(message, new RegExp(`${SECRET}|hunter2`));
          return true;
        });
      });
    }
    await t.step("names a secret that is too short without repeating it", async () => {
      const started = host.start({ ...COMPLETE, COUNTERSIGN_JWT_SECRET: "hunter2" });
      await assert.rejects(started, ({ message }: Error) => {
        assert.match(message, /ConfigurationError: .*"COUNTERSIGN_JWT_SECRET"/);
        assert.doesNotMatch(message, /hunter2/);
        return true;
      });
    });
    await t.step(
      "starts without its registry, and writes why it refuses as a line of JSON",
      async () => {
        await using running = await host.start(COMPLETE);
        const health = await fetch(`${running.origin}/rest/-/healthz`);
        assert.deepEqual([health.status, await health.json()], [200, { status: "ok" }]);

        const refused = await fetch(`${running.origin}/rest/v1/widgets`);
        await refused.body?.cancel();
        const id = refused.headers.get("countersign-request-id")!;
        const entry = () => running.printed().split("\n").find((line) => line.includes(id));
        await until("the log has the refusal", () => entry() !== undefined);
        assert.deepEqual(JSON.parse(entry()!), {
          type: "refused",
          requestId: id,
          reason: "token_missing",
          code: "token_missing",
          status: 401,
          authenticated: false,
          alarm: false,
        });
      },
    );
  });
}
