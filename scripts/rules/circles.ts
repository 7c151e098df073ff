/**
 * No import circle in product code: two files that need each other are one idea in two places, and which of
 * them is evaluated first depends on who imports them. Imports of types count as well.
 *
 * Cannot see: an import whose specifier is computed at run time. Circles between packages are impossible as
 * long as the rule of who may import whom holds.
 */
import { isTest, resolved, specifiersIn } from "./specifiers.ts";
import { trackedFiles } from "./tracked_files.ts";

export async function circleRule(): Promise<string[]> {
  const files = (await trackedFiles()).filter((file) =>
    /^(packages|functions)\/.*\.ts$/.test(file) && !isTest(file)
  );
  return circlesIn(
    new Map(files.map((file) => [
      file,
      specifiersIn(file).filter((specifier) => specifier.startsWith("."))
        .map((specifier) => resolved(specifier, file)),
    ])),
  ).map((circle) => `import circle: ${circle.join(" → ")}`);
}

/** Every circle that a walk from each file meets first, as the files along it. */
export function circlesIn(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const walk = (file: string) => {
    const start = path.indexOf(file);
    if (start !== -1) circles.push([...path.slice(start), file]);
    if (start !== -1 || done.has(file)) return;
    path.push(file);
    for (const next of imports.get(file) ?? []) walk(next);
    path.pop();
    done.add(file);
  };
  for (const file of imports.keys()) walk(file);
  return circles;
}
