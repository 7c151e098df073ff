/** What must hold wherever the function runs. Adding a scenario here adds it on every host. */
import { type Host, openStage } from "@countersign/fixture/stage";
import { CONTAINMENT } from "./containment.ts";
import { FAILURE } from "./failure.ts";
import { FORWARDING } from "./forwarding.ts";
import { LIFECYCLE } from "./lifecycle.ts";
import type { Scenario } from "./scenario.ts";

export const SCENARIOS: readonly Scenario[] = [
  ...CONTAINMENT,
  ...LIFECYCLE,
  ...FORWARDING,
  ...FAILURE,
];

/** Registers one test for the host, with a step for each scenario. */
export function runScenarios(host: Host): void {
  Deno.test(`functions/rest, ${host.name}`, async (t) => {
    await using stage = await openStage(host);
    for (const { name, forwards, run } of SCENARIOS) {
      if (forwards !== undefined && host.forwards !== undefined) continue;
      await t.step(name, () => run(stage));
    }
  });
}
