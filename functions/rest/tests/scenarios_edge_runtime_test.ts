import { edgeRuntime } from "./hosts.ts";
import { runScenarios } from "./scenarios.ts";

runScenarios(edgeRuntime);
