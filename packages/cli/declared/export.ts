import { exportRegistry } from "@countersign/registry-admin";
import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { registryCommand } from "../options/registry_command.ts";

/** `countersign export`. */
export function addExport(program: Command, io: CliIo): void {
  registryCommand(program, io, {
    name: "export",
    description: "Write the registry to standard output, as a countersign.toml",
    json: "the same document",
    notes: "A plan of the file against the same registry is empty. The file contains no secret.",
    example: "countersign export --target https://prod-abc123.supabase.co > countersign.toml",
    run: async (_, open) => {
      const { toml, document } = await exportRegistry(await open());
      return { json: document, isVerbatim: true, lines: toml.trimEnd().split("\n") };
    },
  });
}
