import { inProcess } from "../hosts.ts";
import { runScenarios } from "./all_scenarios.ts";

runScenarios(inProcess);
