import { behindNginx, inProcess } from "@countersign/fixture/stage";
import { runScenarios } from "../scenarios/all_scenarios.ts";

runScenarios(behindNginx(inProcess));
