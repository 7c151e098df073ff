import { ownProcess } from "./hosts.ts";
import { runScenarios } from "./scenarios.ts";

runScenarios(ownProcess);
