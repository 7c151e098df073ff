import { ALGORITHMS } from "@countersign/verifier";
import { Option } from "commander";

/** `--algorithm`, which takes only what the registry takes. */
export function algorithmOption(): Option {
  return new Option("--algorithm <name>", "what the key signs with").choices(ALGORITHMS);
}
