import assert from "node:assert/strict";
import { readGuardSetting } from "./guard_setting.ts";

const answering = (rows: Readonly<Record<string, string | null>>[]) => ({
  query: () => Promise.resolve(rows),
  end: () => Promise.resolve(),
});

Deno.test("readGuardSetting() takes nothing but the database's own word for it", async () => {
  for (
    const rows of [[], [{ guard: null }], [{ guard: "false" }], [{ guard: "t" }], [{
      other: "true",
    }]]
  ) {
    assert.equal(await readGuardSetting(answering(rows)), false, JSON.stringify(rows));
  }
  assert.equal(await readGuardSetting(answering([{ guard: "true" }])), true);
});
