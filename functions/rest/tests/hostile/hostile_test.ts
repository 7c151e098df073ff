import { inProcess, ownProcess } from "@countersign/fixture/stage";
import { runHostileSuite } from "./run_hostile_suite.ts";

runHostileSuite(inProcess, ownProcess);
