import type { IssuerRecord } from "@countersign/verifier";
import assert from "node:assert/strict";
import { RegistryReads } from "./registry_reads.ts";

const KNOWN: IssuerRecord = {
  issuer: "service-a",
  isActive: true,
  keys: [],
  revokedKids: [],
  policy: {
    allowedRoles: [],
    defaultRole: null,
    allowedSubjects: null,
    allowUserSubjects: false,
    allowedClaims: null,
    audiences: null,
    maxTokenLifetime: 300,
    rejectIssuedBefore: null,
    singleUse: false,
    mode: "enforce",
  },
};

Deno.test("RegistryReads answers a crowd of unknown names in turns, and who is registered first", async () => {
  const reads = new RegistryReads({
    read: () =>
      Promise.resolve({
        version: "1",
        record: (issuer) => issuer === KNOWN.issuer ? KNOWN : undefined,
      }),
    onVersion: () => {},
    onIssuer: (_issuer, found) => found,
    onUnreadable: () => {},
  }, () => 0);

  // Goes out by itself, and the crowd waits for the read after it.
  const first = reads.load("first", false);
  const answered: string[] = [];
  const crowd = [...Array.from({ length: 50 }, (_, n) => `unknown-${n}`), KNOWN.issuer];
  const all = Promise.all(crowd.map(async (name) => {
    await reads.load(name, false);
    answered.push(name);
  }));
  await first;
  const turns: number[] = [];
  while (answered.length < crowd.length) {
    await new Promise((resolve) => setTimeout(resolve));
    turns.push(answered.length);
  }
  await all;
  assert.equal(answered[0], KNOWN.issuer);
  assert.ok(turns.length >= 10, `all were answered in ${turns.length} turns`);
  reads.close();
});
