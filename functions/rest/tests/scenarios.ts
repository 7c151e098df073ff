/** What must hold wherever the function runs. Adding a scenario here adds it on every host. */
import type { Host } from "./hosts.ts";
import { CONTAINMENT } from "./scenarios/containment.ts";
import { FAILURE } from "./scenarios/failure.ts";
import { FORWARDING } from "./scenarios/forwarding.ts";
import { LIFECYCLE } from "./scenarios/lifecycle.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import { openStage } from "./stage.ts";

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
    for (const { name, run } of SCENARIOS) await t.step(name, () => run(stage));
  });
}
