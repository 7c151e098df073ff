import { dirname, join } from "node:path";
import { CliError } from "../errors.ts";
import { reason } from "../options/input.ts";
import type { Plan } from "./plan.ts";

/**
 * Writes what a plan without obstacles says, or nothing: what was written is taken back when something fails.
 *
 * @throws {CliError} It could not be written, or a file has appeared since the plan was made.
 */
export async function writeProject(folder: string, { steps }: Plan): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  let path = "";
  try {
    for (const step of steps) {
      if (step.action !== "create" && step.action !== "append") continue;
      path = step.path;
      const at = join(folder, path);
      if (step.action === "append") {
        const { size } = await Deno.stat(at);
        undo.push(() => Deno.truncate(at, size));
        await Deno.writeTextFile(at, step.content, { append: true, create: false });
      } else {
        await makeFolder(dirname(at), undo);
        // It was not there when the plan was made: what has come since is somebody else's.
        const { writable } = await Deno.open(at, { write: true, createNew: true });
        undo.push(() => Deno.remove(at));
        await new Blob([step.content]).stream().pipeTo(writable);
      }
    }
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw new CliError(
      "failed",
      `Expected to write "${path}", ${reason(error)}; nothing was written`,
    );
  }
}

async function makeFolder(path: string, undo: (() => Promise<void>)[]): Promise<void> {
  try {
    await Deno.mkdir(path);
    undo.push(() => Deno.remove(path));
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await makeFolder(dirname(path), undo);
    await makeFolder(path, undo);
  }
}
