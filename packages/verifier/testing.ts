/**
 * The contract of a key source, as Deno tests.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { KeySource } from "./key_source/key_source.ts";

/** A key source, and a way to change the registry that it reads. */
export interface KeySourceHarness {
  /** The source under test. */
  readonly source: KeySource;
  /** Registers an active issuer with at least one key. */
  register(issuer: string): void | Promise<void>;
  /** Changes any part of the issuer's policy. */
  change(issuer: string): void | Promise<void>;
  /** Deactivates the issuer. */
  deactivate(issuer: string): void | Promise<void>;
  /** Registers an active OIDC provider with one rule. Left out by a source that has no providers. */
  registerProvider?(provider: string): void | Promise<void>;
  /** Deactivates the provider. */
  deactivateProvider?(provider: string): void | Promise<void>;
  /** Makes a new key for sealing downstream tokens. Left out by a source that has none. */
  rotateSealKey?(): void | Promise<void>;
  /** Returns once the source must have seen every change before this call. */
  settle(): void | Promise<void>;
  /** Cuts the source off from the registry, and lets its staleness pass. Left out by a source that has no registry. */
  cutOff?(): void | Promise<void>;
  /** Frees what the harness holds. */
  dispose(): void | Promise<void>;
}

/** Names that a query, a pattern, a URL or an object could take for something else. */
const AWKWARD_NAMES: readonly string[] = [
  "https://billing.example.com/a?b=c&d=e#f",
  'quote"s, commas (and) dots.and:colons',
  "per%cent%2Ccent under_score star*",
  "back\\slash 'apostrophe' {brace}",
  "null",
  "eq.in.(a,b)",
  "naïve-ключ-鍵-🔑",
  "__proto__",
  "constructor",
];

/** Names that are like `billing`, and are not it. */
const LOOK_ALIKES: readonly string[] = [
  "Billing",
  "BILLING",
  "billing ",
  " billing",
  "billing/",
  "bill",
  "billing*",
  "b*",
  "*",
  "%",
  "bill_ng",
  "b\u0456lling",
  "bi\u200blling",
  'billing"',
  "billing,billing",
];

/**
 * Registers Deno tests that every key source has to pass.
 *
 * They show that a source compares names exactly, keeps the same object for as long as nothing changed, sees
 * every change once it has settled, and rejects when it can't say.
 *
 * **Does not** show how fast it sees a change, nor that its work is bounded.
 *
 * @param name How the tests' names begin.
 * @param makeHarness Makes a source on an empty registry, once per test.
 *
 * @example In a test file of your own
 * ```ts
 * import { type KeySourceHarness, keySourceContract } from "@countersign/verifier/testing";
 *
 * function testMySource(makeHarness: () => KeySourceHarness): void {
 *   keySourceContract("mySource()", makeHarness);
 * }
 * ```
 */
export function keySourceContract(
  name: string,
  makeHarness: () => KeySourceHarness | Promise<KeySourceHarness>,
): void {
  const criterion = (text: string, body: (harness: KeySourceHarness) => Promise<void>): void => {
    Deno.test(`${name} ${text}`, async () => {
      const harness = await makeHarness();
      try {
        await body(harness);
      } finally {
        await harness.dispose();
      }
    });
  };

  criterion("finds nothing under a name that is like a registered one", async (harness) => {
    await harness.register("billing");
    await harness.settle();
    for (const lookAlike of LOOK_ALIKES) {
      assert.equal(await harness.source.find(lookAlike), undefined, JSON.stringify(lookAlike));
    }
    assert.equal((await harness.source.find("billing"))?.issuer, "billing");
  });

  criterion("finds every issuer by its exact name, and no other", async (harness) => {
    for (const issuer of AWKWARD_NAMES) {
      assert.equal(await harness.source.find(issuer), undefined, JSON.stringify(issuer));
    }
    for (const issuer of AWKWARD_NAMES) await harness.register(issuer);
    await harness.settle();
    for (const issuer of AWKWARD_NAMES) {
      const record = await harness.source.find(issuer);
      assert.equal(record?.issuer, issuer);
      assert.equal(record?.isActive, true);
      assert.notEqual(record?.keys.length, 0);
    }
  });

  criterion("finds each of many names that are asked for at once", async (harness) => {
    for (const issuer of ["billing", ...AWKWARD_NAMES]) await harness.register(issuer);
    await harness.settle();
    const names = [...AWKWARD_NAMES, ...LOOK_ALIKES, "billing"];
    const found = await Promise.all(names.map(async (name) => await harness.source.find(name)));
    for (const [index, name] of names.entries()) {
      const expected = LOOK_ALIKES.includes(name) ? undefined : name;
      assert.equal(found[index]?.issuer, expected, JSON.stringify(name));
    }
  });

  criterion("finds an issuer that was registered after it was asked for", async (harness) => {
    assert.equal(await harness.source.find("billing"), undefined);
    await harness.register("billing");
    await harness.settle();
    assert.equal((await harness.source.find("billing"))?.issuer, "billing");
  });

  criterion("answers with the same object while nothing changed", async (harness) => {
    await harness.register("billing");
    await harness.settle();
    const before = await harness.source.find("billing");
    await harness.settle();
    const after = await harness.source.find("billing");
    assert.notEqual(after, undefined);
    assert.equal(after, before);
  });

  criterion("answers many callers at once alike", async (harness) => {
    await harness.register("billing");
    await harness.settle();
    const records = await Promise.all(
      Array.from({ length: 20 }, () => harness.source.find("billing")),
    );
    assert.deepEqual(new Set(records).size, 1);
    assert.equal(records[0]?.issuer, "billing");
  });

  criterion(
    "answers with another object after a change, and leaves the old one",
    async (harness) => {
      await harness.register("billing");
      await harness.settle();
      const before = await harness.source.find("billing");
      const copy = structuredClone(before);
      await harness.change("billing");
      await harness.settle();
      const after = await harness.source.find("billing");
      assert.notEqual(after, before);
      assert.notDeepEqual(after, copy);
      assert.deepEqual(before, copy);
    },
  );

  criterion("sees that an issuer was deactivated, and leaves the others alone", async (harness) => {
    await harness.register("billing");
    await harness.register("shipping");
    await harness.settle();
    assert.equal((await harness.source.find("billing"))?.isActive, true);
    await harness.deactivate("billing");
    await harness.settle();
    assert.equal((await harness.source.find("billing"))?.isActive, false);
    assert.equal((await harness.source.find("shipping"))?.isActive, true);
  });

  criterion(
    "finds an OIDC provider by its exact name, and never as an issuer",
    async ({ source, register, registerProvider, deactivateProvider, settle }) => {
      if (registerProvider === undefined) return;
      const provider = "https://ci.example.com";
      const find = async (name: string) => await source.findProvider?.(name);
      assert.equal(await find(provider), undefined);
      await register("billing");
      await registerProvider(provider);
      await settle();
      const before = await find(provider);
      assert.equal(before?.provider, provider);
      assert.equal(before?.isActive, true);
      assert.equal(before?.rules.length, 1);
      assert.equal(await source.find(provider), undefined);
      assert.equal(await find("billing"), undefined);
      assert.equal((await source.find("billing"))?.issuer, "billing");
      for (const lookAlike of ["https://CI.example.com", `${provider}/`, "https://ci.example.co"]) {
        assert.equal(await find(lookAlike), undefined, lookAlike);
        assert.equal(await source.find(lookAlike), undefined, lookAlike);
      }
      await settle();
      assert.equal(await find(provider), before);
      await deactivateProvider?.(provider);
      await settle();
      assert.equal((await find(provider))?.isActive, false);
      assert.equal((await source.find("billing"))?.isActive, true);
    },
  );

  criterion(
    "hands out the newest key to seal with, the same object while it is",
    async (harness) => {
      const { source, rotateSealKey } = harness;
      if (rotateSealKey === undefined) return;
      await harness.register("billing");
      const sealKey = async () => {
        await harness.settle();
        await source.find("billing");
        const key = await source.sealKey?.();
        assert.match(key?.id ?? "", /^[A-Za-z0-9_-]{1,64}$/);
        assert.match(key?.secret ?? "", /^[A-Za-z0-9_-]{43}$/);
        return key;
      };
      const before = await sealKey();
      assert.equal(await sealKey(), before);
      await rotateSealKey();
      const after = await sealKey();
      assert.notEqual(after?.id, before?.id);
      assert.notEqual(after?.secret, before?.secret);
    },
  );

  criterion(
    "lets nothing be kept elsewhere that it would not answer from memory",
    async (harness) => {
      const { source } = harness;
      if (source.freshFor === undefined) return;
      assert.equal(source.freshFor("billing"), 0);
      await harness.register("billing");
      await harness.settle();
      await source.find("billing");
      assert.ok(source.freshFor("billing") > 0);
      assert.equal(source.freshFor("shipping"), 0);
      if (harness.cutOff === undefined) return;
      await harness.cutOff();
      assert.equal(source.freshFor("billing"), 0);
    },
  );

  criterion("rejects when it can't say, without repeating the name", async (harness) => {
    if (harness.cutOff === undefined) return;
    await harness.register("billing");
    await harness.settle();
    assert.equal((await harness.source.find("billing"))?.isActive, true);
    await harness.cutOff();
    for (const issuer of ["billing", "name-from-a-token"]) {
      await assert.rejects(
        async () => await harness.source.find(issuer),
        (error) => error instanceof Error && !describe(error).includes(issuer),
      );
    }
  });
}

/** All that a log could print of an error. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.message} ${error.stack} ${describe(error.cause)}`;
}
