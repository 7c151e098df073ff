/**
 * Every relative link of every document leads to a file, and its anchor to a heading there.
 *
 * Cannot see: links to other sites, and anchors into files that are not Markdown.
 */
import { trackedFiles } from "./tracked_files.ts";

export async function linkRule(): Promise<string[]> {
  const broken: string[] = [];
  for (const file of await trackedFiles()) {
    if (!file.endsWith(".md")) continue;
    const text = withoutCode(Deno.readTextFileSync(file));
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (link === undefined || /^[a-z]+:/.test(link)) continue;
      const target = new URL(link, `file://${Deno.cwd()}/${file}`);
      const anchor = decodeURIComponent(target.hash.slice(1));
      target.hash = "";
      try {
        Deno.statSync(target);
      } catch {
        broken.push(`${file} links to "${link}", which is not there`);
        continue;
      }
      if (anchor === "" || !target.pathname.endsWith(".md")) continue;
      if (!anchors(Deno.readTextFileSync(target)).has(anchor)) {
        broken.push(`${file} links to "${link}", where no heading is called so`);
      }
    }
  }
  return broken;
}

/** The anchors that GitHub gives to the headings of a document. */
export function anchors(markdown: string): Set<string> {
  const found = new Set<string>();
  for (
    const [, heading = ""] of markdown.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^#+ (.+)$/gm)
  ) {
    const name = heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
    let anchor = name;
    for (let i = 1; found.has(anchor); i++) anchor = `${name}-${i}`;
    found.add(anchor);
  }
  return found;
}

function withoutCode(markdown: string): string {
  return markdown.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");
}
