import type { Stage } from "@countersign/fixture/stage";

/** What must hold wherever the function runs. */
export interface Scenario {
  readonly name: string;
  /** Set where it is about an answer of PostgREST that only the function judges, not a gateway in its place. */
  readonly forwards?: "the function";
  readonly run: (stage: Stage) => Promise<void>;
}
