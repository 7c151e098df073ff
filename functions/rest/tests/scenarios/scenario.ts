import type { Stage } from "@countersign/fixture/stage";

/** What must hold wherever the function runs. */
export interface Scenario {
  readonly name: string;
  readonly run: (stage: Stage) => Promise<void>;
}
