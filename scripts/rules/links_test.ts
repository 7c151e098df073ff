import assert from "node:assert/strict";
import { anchors } from "./links.ts";

Deno.test("anchors() names headings as GitHub does", () => {
  const found = anchors(
    "# The `kid`, explained\n\n## Why?\n\n```sh\n# not a heading\n```\n\n## Why?\n",
  );
  assert.deepEqual([...found], ["the-kid-explained", "why", "why-1"]);
});
