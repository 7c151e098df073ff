/** The contract has to fail for a source that breaks it; that it passes for ours, their own tests show. */
import assert from "node:assert/strict";
import { makeRecord } from "./fixtures/tokens.ts";
import type { IssuerRecord, KeySource } from "./mod.ts";
import { keySourceContract, type KeySourceHarness } from "./testing.ts";

const template = await makeRecord();

/** A source in memory that does all that the contract asks for. */
function honest(rows: Map<string, IssuerRecord>): KeySource {
  return { find: (issuer) => rows.get(issuer) };
}

/** Runs the contract on a source, and answers with the criteria that it breaks. */
async function broken(make: (rows: Map<string, IssuerRecord>) => KeySource): Promise<string[]> {
  const criteria: [name: string, run: () => Promise<void>][] = [];
  const { test } = Deno;
  const collect = (name: string, run: () => Promise<void>) => void criteria.push([name, run]);
  try {
    Object.assign(Deno, { test: collect });
    keySourceContract("source", () => harnessOf(make));
  } finally {
    Object.assign(Deno, { test });
  }
  assert.ok(criteria.length > 5);
  const failed: string[] = [];
  for (const [name, run] of criteria) {
    await run().catch(() => failed.push(name.replace("source ", "")));
  }
  return failed;
}

function harnessOf(make: (rows: Map<string, IssuerRecord>) => KeySource): KeySourceHarness {
  const rows = new Map<string, IssuerRecord>();
  const inner = make(rows);
  let isCut = false;
  return {
    source: {
      find: (issuer) => isCut ? Promise.reject(new Error("no registry")) : inner.find(issuer),
    },
    register: (issuer) => void rows.set(issuer, { ...template, issuer }),
    change: (issuer) =>
      void rows.set(issuer, {
        ...rows.get(issuer)!,
        policy: { ...template.policy, maxTokenLifetime: 77 },
      }),
    deactivate: (issuer) => void rows.set(issuer, { ...rows.get(issuer)!, isActive: false }),
    settle: () => {},
    cutOff: () => void (isCut = true),
    dispose: () => {},
  };
}

Deno.test("keySourceContract() passes for a source that keeps it", async () => {
  assert.deepEqual(await broken(honest), []);
});

const LIARS: Record<string, (rows: Map<string, IssuerRecord>) => KeySource> = {
  "folds case": (rows) => ({
    find: (issuer) =>
      [...rows.values()].find((row) => row.issuer.toLowerCase() === issuer.toLowerCase()),
  }),
  "trims": (rows) => ({ find: (issuer) => rows.get(issuer.trim()) }),
  "matches a prefix": (rows) => ({
    find: (issuer) => [...rows.values()].find((row) => row.issuer.startsWith(issuer)),
  }),
  "makes a new object for each answer": (rows) => ({
    find: (issuer) => rows.has(issuer) ? { ...rows.get(issuer)! } : undefined,
  }),
  "remembers forever": (rows) => {
    const known = new Map<string, IssuerRecord | undefined>();
    return {
      find(issuer) {
        if (!known.has(issuer)) known.set(issuer, rows.get(issuer));
        return known.get(issuer);
      },
    };
  },
  "changes the record in place": (rows) => {
    const known = new Map<string, IssuerRecord>();
    return {
      find(issuer) {
        const row = rows.get(issuer);
        if (row === undefined) return undefined;
        const seen = known.get(issuer) ?? { ...row };
        known.set(issuer, Object.assign(seen, row));
        return seen;
      },
    };
  },
  "finds nobody": () => ({ find: () => undefined }),
};

for (const [name, make] of Object.entries(LIARS)) {
  Deno.test(`keySourceContract() fails for a source that ${name}`, async () => {
    assert.notDeepEqual(await broken(make), []);
  });
}
