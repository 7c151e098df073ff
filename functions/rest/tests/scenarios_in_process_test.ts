import { inProcess } from "./hosts.ts";
import { runScenarios } from "./scenarios.ts";

runScenarios(inProcess);
