import assert from "node:assert/strict";
import { makeProvider } from "@countersign/fixture/federation";
import { keyOf, makeRecord } from "../fixtures/tokens.ts";
import { type IssuerRecord, memoryKeySource } from "../mod.ts";
import { keySourceContract } from "../testing.ts";

/** A memory source doesn't change, so a change is a new source behind the same door. */
keySourceContract("memoryKeySource()", async () => {
  const { privateKey: _, ...key } = await keyOf("EdDSA");
  const template = await makeRecord({ keys: [key] });
  const records = new Map<string, IssuerRecord>();
  let source = memoryKeySource([]);
  const replace = (issuer: string, change: (record: IssuerRecord) => IssuerRecord): void => {
    records.set(issuer, change(records.get(issuer) ?? template));
    source = memoryKeySource(records.values());
  };
  return {
    source: {
      find: (issuer) => source.find(issuer),
      freshFor: (issuer) => source.freshFor?.(issuer) ?? 0,
    },
    register: (issuer) => replace(issuer, (record) => ({ ...record, issuer })),
    change: (issuer) =>
      replace(issuer, (record) => ({
        ...record,
        policy: { ...record.policy, maxTokenLifetime: 10 },
      })),
    deactivate: (issuer) => replace(issuer, (record) => ({ ...record, isActive: false })),
    settle: () => {},
    dispose: () => {},
  };
});

Deno.test("memoryKeySource() refuses two records of one issuer", async () => {
  const record = await makeRecord();
  assert.throws(() => memoryKeySource([record, { ...record }]), TypeError);
});

Deno.test("memoryKeySource() finds providers, and refuses a name that is an issuer's as well", async () => {
  const issuer = await makeRecord();
  const { record } = await makeProvider("https://ci.example.com");
  const source = memoryKeySource([issuer], { providers: [record] });
  assert.equal(source.findProvider?.(record.provider), record);
  assert.equal(source.findProvider?.("billing"), undefined);
  assert.equal(source.find(record.provider), undefined);
  for (const provider of ["billing", record.provider]) {
    const providers = [record, { ...record, provider }];
    assert.throws(() => memoryKeySource([issuer], { providers }), TypeError);
  }
});

Deno.test("memoryKeySource() answers without a promise", async () => {
  const record = await makeRecord();
  assert.equal(memoryKeySource([record]).find("billing"), record);
});

Deno.test("memoryKeySource() hands out the key to seal with that it was given, or has none", () => {
  const sealKey = { id: "seal", secret: "A".repeat(43) };
  assert.equal(memoryKeySource([], { sealKey }).sealKey?.(), sealKey);
  assert.equal(memoryKeySource([]).sealKey, undefined);
});
