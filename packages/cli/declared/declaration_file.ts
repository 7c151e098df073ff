import { type Declaration, keyFilesIn, readDeclaration } from "@countersign/registry-admin";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { CliError } from "../errors.ts";
import type { CliIo } from "../io.ts";
import { reason } from "../options/input.ts";

/** More than a declaration may have, so that what is far too long is never read. */
const MOST_BYTES = 32 * 1024 * 1024;

/** What the commands that take a file say of it. */
export const FILE_ARGUMENT = {
  name: "file",
  description: 'a countersign.toml, "-" for standard input',
} as const;

/** Reads a declaration, and the key files beside it. Of standard input they are those of the working directory. */
export async function readDeclarationFile(path: string, io: CliIo): Promise<Declaration> {
  const text = path === "-" ? await io.stdin() : await readText(path);
  return await readDeclaration(text, {
    readKeyFile: keyFilesIn(path === "-" ? "." : dirname(path)),
  });
}

async function readText(path: string): Promise<string> {
  try {
    await using handle = await open(path);
    const { size } = await handle.stat();
    if (size > MOST_BYTES) throw new CliError("failed", `Cannot read "${path}": it is too long`);
    return new TextDecoder("utf-8", { fatal: true }).decode(await handle.readFile());
  } catch (error) {
    if (error instanceof CliError) throw error;
    // The decoder's.
    const why = error instanceof TypeError && !("syscall" in error)
      ? "it is not UTF-8"
      : reason(error);
    throw new CliError("failed", `Cannot read "${path}": ${why}`);
  }
}
