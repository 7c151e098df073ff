/**
 * Every relative link of every document leads to a file.
 *
 * Cannot see: links to other sites, and the anchor after a `#`.
 */
import { trackedFiles } from "./tracked_files.ts";

export async function linkRule(): Promise<string[]> {
  const broken: string[] = [];
  for (const file of await trackedFiles()) {
    if (!file.endsWith(".md")) continue;
    const text = Deno.readTextFileSync(file).replace(/^```[\s\S]*?^```/gm, "").replace(
      /`[^`\n]*`/g,
      "",
    );
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (link === undefined || /^([a-z]+:|#)/.test(link)) continue;
      const target = new URL(link, `file://${Deno.cwd()}/${file}`);
      target.hash = "";
      try {
        Deno.statSync(target);
      } catch {
        broken.push(`${file} links to "${link}", which is not there`);
      }
    }
  }
  return broken;
}
