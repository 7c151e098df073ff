import { inProcess } from "@countersign/fixture/stage";
import { runScenarios } from "./all_scenarios.ts";

runScenarios(inProcess);
