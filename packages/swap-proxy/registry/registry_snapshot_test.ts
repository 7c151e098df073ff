import assert from "node:assert/strict";
import { isProvider, isStorable, readSnapshot } from "./registry_snapshot.ts";

const policy = (issuer: string) => ({
  issuer,
  is_active: true,
  allowed_roles: ["writer"],
  default_role: null,
  allowed_subjects: null,
  allow_user_subjects: false,
  allowed_claims: null,
  audiences: null,
  max_token_lifetime: 300,
  max_exchange_lifetime: null,
  reject_issued_before: null,
  single_use: false,
  mode: "enforce",
  keys: [],
  revoked_kids: [],
});

type Rows = Readonly<Record<string, string | null>>[];
const clientOf = (rows: Rows, asked: unknown[] = []) => ({
  query: (text: string, params: readonly string[]) => {
    asked.push([text, params]);
    return Promise.resolve(rows);
  },
  end: () => Promise.resolve(),
});

Deno.test("readSnapshot() refuses an answer that is not the registry's", async () => {
  const wrong: Rows[] = [
    [],
    [{ version: null, seal_key: null, policy: null }],
    [{ version: "1", seal_key: null, policy: "{}" }],
    [{ version: "1", seal_key: null, policy: '"billing"' }],
    [{ version: "1", seal_key: null, policy: "{" }],
    [{ version: "1", seal_key: "{}", policy: null }],
  ];
  for (const rows of wrong) {
    await assert.rejects(readSnapshot(clientOf(rows), ["billing"]), Error, JSON.stringify(rows));
  }
  await readSnapshot(clientOf([{ version: "1", seal_key: null, policy: null }]), ["billing"]);
});

Deno.test("readSnapshot() answers for an issuer with its own row alone", async () => {
  const rows = ["billing", "shipping"].map((issuer) => ({
    version: "7",
    seal_key: null,
    policy: JSON.stringify(policy(issuer)),
  }));
  const snapshot = await readSnapshot(clientOf(rows), ["billing", "shipping", "unknown"]);
  assert.equal(snapshot.version, "7");
  for (const name of ["billing", "shipping"]) {
    const entry = snapshot.entry(name);
    assert.ok(entry !== undefined && !isProvider(entry));
    assert.equal(entry.issuer, name);
  }
  for (const name of ["unknown", "Billing", "__proto__", "constructor"]) {
    assert.equal(snapshot.entry(name), undefined, name);
  }
});

Deno.test("readSnapshot() hands names over as one parameter, whatever they are", async () => {
  const asked: unknown[] = [];
  const names = ["'; drop table jwt_issuers; --", "{a,b}", 'quote"', "per%cent"];
  await readSnapshot(clientOf([{ version: "1", seal_key: null, policy: null }], asked), names);
  const [[text, params]] = asked as [[string, string[]]];
  assert.deepEqual(params, [JSON.stringify(names)]);
  for (const name of names) assert.ok(!text.includes(name));
});

Deno.test("isStorable() lets no name into a batch that would fail the others in it", () => {
  for (const name of ["a\0b", "\ud800", "b".repeat(256)]) assert.equal(isStorable(name), false);
  for (const name of ["", "b".repeat(255), "\ud83d\udd11", "a\nb"]) {
    assert.equal(isStorable(name), true);
  }
});
