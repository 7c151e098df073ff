import { type Fault, wellAgain } from "./fault.ts";
import { Traffic } from "./load/traffic.ts";

export const POSTGREST_KILLED: Fault = {
  name: "PostgREST is killed",
  async run(scene) {
    const { postgrest } = scene.stage.target;
    await using traffic = new Traffic(scene);
    await traffic.sees("201");
    await postgrest.stop();
    try {
      await traffic.sees("502 upstream_unreachable");
    } finally {
      await postgrest.start();
    }
    await wellAgain(scene, this.name);
    await traffic.sees("201");
    await traffic.settle([/^502 upstream_unreachable$/, /^503 PGRST00\d$/]);
  },
};
