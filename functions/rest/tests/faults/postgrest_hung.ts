import { processOf } from "@countersign/fixture/stage";
import { type Fault, wellAgain } from "./fault.ts";
import { Traffic } from "./load/traffic.ts";

/** It keeps its connections, accepts new ones, and does nothing. */
export const POSTGREST_HUNG: Fault = {
  name: "PostgREST hangs",
  async run(scene) {
    const pid = await processOf(
      `PGRST_SERVER_PORT=${new URL(scene.stage.target.postgrestUrl).port}`,
    );
    await using traffic = new Traffic(scene);
    await traffic.sees("201");
    Deno.kill(pid, "SIGSTOP");
    try {
      await traffic.sees("504 upstream_timeout", 4);
    } finally {
      Deno.kill(pid, "SIGCONT");
    }
    await wellAgain(scene, this.name);
    await traffic.sees("201");
    await traffic.settle([/^504 upstream_timeout$/]);
  },
};
