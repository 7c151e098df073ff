import { type Fault, wellAgain } from "./fault.ts";
import { DATABASE_GONE, Traffic } from "./load/traffic.ts";

/** A crash: every connection breaks, and Postgres recovers from its log. */
export const POSTGRES_RESTARTED: Fault = {
  name: "Postgres crashes and comes back at once",
  async run(scene) {
    await using traffic = new Traffic(scene);
    await traffic.sees("201");
    await scene.stage.target.postgres.restart();
    await wellAgain(scene, this.name);
    await traffic.sees("201");
    await traffic.settle([...DATABASE_GONE, /^503 registry_unavailable$/]);
  },
};
