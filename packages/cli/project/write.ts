import { dirname, join } from "node:path";
import { CliError } from "../errors.ts";
import { reason } from "../options/input.ts";
import type { Plan } from "./plan.ts";

/**
 * Carries out a plan without obstacles, or nothing: when something fails, everything written is removed again.
 *
 * @throws {CliError} `failed`: a file could not be written, or has appeared since the plan was made.
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
        // Never overwrites a file that has appeared since the plan was made.
        const { writable } = await Deno.open(at, { write: true, createNew: true });
        undo.push(() => Deno.remove(at));
        await new Blob([step.content]).stream().pipeTo(writable);
      }
    }
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw new CliError(
      "failed",
      `Cannot write "${path}": ${reason(error)}; nothing was written`,
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
