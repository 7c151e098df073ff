import { edgeRuntime } from "../hosts.ts";
import { runScenarios } from "./all_scenarios.ts";

runScenarios(edgeRuntime);
