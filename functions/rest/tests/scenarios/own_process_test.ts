import { ownProcess } from "../hosts.ts";
import { runScenarios } from "./all_scenarios.ts";

runScenarios(ownProcess);
