import assert from "node:assert/strict";
import { deploy } from "./deploy.ts";
import { passes, refuses } from "./expectations.ts";
import { deployedInto } from "./hosts.ts";
import { openStage } from "./stage.ts";

Deno.test("what the Supabase CLI uploads is whole, and runs on Deno 2.1.4", async () => {
  const folder = await Deno.makeTempDir();
  try {
    assert.deepEqual(await deploy(folder), {
      name: "rest",
      entrypoint_path: "functions/rest/index.ts",
      import_map_path: "functions/rest/deno.json",
      static_patterns: [],
      verify_jwt: false,
    });
    await using stage = await openStage(deployedInto(folder));
    await passes(stage, {});
    await refuses(stage, "unknown_issuer", {
      token: stage.warehouse.token({ claims: { iss: "nobody" } }),
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
