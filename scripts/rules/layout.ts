/**
 * Where things stand: the folders at the top, how many files a folder of packages holds, what a `mod.ts` may
 * hold, how files are called, how long they are.
 *
 * Cannot see: whether a file really holds one idea.
 */
import { trackedFiles } from "./tracked_files.ts";

const TOP = new Set([
  ".ci",
  ".github",
  ".gitignore",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "LICENSE",
  "README.md",
  "SECURITY.md",
  "deno.json",
  "deno.lock",
  "docs",
  "functions",
  "packages",
  "scripts",
  "supabase",
]);

const MOST_LINES = 400;
const MOST_FILES = 20;

/** Files that may be longer, and why. */
const LONGER: Record<string, string> = {
  "packages/swap-proxy/registry/postgres_key_source_test.ts":
    "one state machine, read from top to bottom",
};

export async function layoutRule(): Promise<string[]> {
  const broken: string[] = [];
  const rooms = new Map<string, number>();
  for (const file of await trackedFiles()) {
    const room = file.slice(0, file.lastIndexOf("/") + 1);
    if (/^(packages|functions|scripts|supabase)\//.test(room)) {
      rooms.set(room, (rooms.get(room) ?? 0) + 1);
    }
    const top = file.split("/")[0]!;
    if (!TOP.has(top)) broken.push(`${file}: "${top}" has no place at the top`);
    if (!file.endsWith(".ts")) continue;

    const name = file.split("/").at(-1)!;
    if (!/^[a-z0-9_]+(\.d)?\.ts$/.test(name)) broken.push(`${file}: expected a snake_case name`);
    if (/^(utils?|core|helpers?|common|misc)(_|\.)/.test(name)) {
      broken.push(`${file}: a name that says nothing of what is inside`);
    }

    const source = Deno.readTextFileSync(file);
    const lines = source.split("\n").length - 1;
    if (lines > MOST_LINES && !(file in LONGER)) {
      broken.push(`${file}: ${lines} lines, more than ${MOST_LINES}`);
    }
    if (name === "mod.ts") {
      const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
      const rest = code.replace(/export\s+(type\s+)?(\{[^}]*\}|\*)\s*from\s*"[^"]+"\s*;?/g, "")
        .trim();
      if (rest !== "") {
        broken.push(`${file}: a mod.ts only re-exports, found "${rest.split("\n")[0]}"`);
      }
      if (!/@module\b/.test(source)) broken.push(`${file}: expected an @module comment`);
    }
  }
  for (const [room, files] of rooms) {
    if (files > MOST_FILES) broken.push(`${room}: ${files} files, more than ${MOST_FILES}`);
  }
  return broken;
}
