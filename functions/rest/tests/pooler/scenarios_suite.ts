import { behindPgBouncer, inProcess } from "@countersign/fixture/stage";
import { runScenarios } from "../scenarios/all_scenarios.ts";

runScenarios(behindPgBouncer(inProcess));
