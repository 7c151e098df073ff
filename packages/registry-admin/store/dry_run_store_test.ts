import assert from "node:assert/strict";
import { eachWay, newKey, refused, register, rotate, withTarget } from "../fixtures/every_way.ts";
import {
  activateIssuer,
  auditLog,
  deactivateIssuer,
  listIssuers,
  type PlannedRow,
  revokeKey,
  setPolicy,
} from "../mod.ts";

withTarget();

eachWay("a dry run reports what would be written, and writes nothing", async (s) => {
  const { target, issuer, kid } = s;
  await register({ ...s, roles: ["widgets_writer"] });
  const before = await listIssuers(target);
  const log = await auditLog(target, { issuer });
  const rows: PlannedRow[] = [];
  const dry = { ...target, dryRun: (row: PlannedRow) => void rows.push(row) };
  const reported = () =>
    rows.splice(0).map(({ operation, table, changed }) => [operation, table, changed]);

  await deactivateIssuer(dry, issuer);
  assert.deepEqual(reported(), [["UPDATE", "jwt_issuers", ["is_active"]]]);
  await activateIssuer(dry, issuer);
  assert.deepEqual(reported(), []);
  await revokeKey(dry, kid);
  assert.deepEqual(reported(), [["UPDATE", "jwt_public_keys", ["is_active"]]]);
  await setPolicy(dry, issuer, { maxTokenLifetime: 300, subjects: ["job-*"] });
  assert.deepEqual(reported(), [["UPDATE", "jwt_issuers", ["allowed_subjects"]]]);

  const next = await newKey();
  const rotated = await rotate({ ...s, ...next, target: dry });
  assert.deepEqual([rotated.key.kid, rotated.retiring.map((key) => key.kid)], [next.kid, [kid]]);
  const [added, ended] = rows.splice(0);
  assert.deepEqual([added?.operation, added?.kid], ["INSERT", next.kid]);
  assert.deepEqual([ended?.kid, ended?.changed], [kid, ["not_after"]]);

  const other = `${issuer}-2`;
  const row = await register({
    ...s,
    ...await newKey(),
    issuer: other,
    target: dry,
    notAfter: 4_000_000_000,
  });
  assert.equal(row.issuer, other);
  assert.deepEqual(rows.splice(0).map(({ operation, table }) => [operation, table]), [
    ["INSERT", "jwt_issuers"],
    ["INSERT", "jwt_public_keys"],
  ]);

  assert.deepEqual(await listIssuers(target), before);
  assert.deepEqual(await auditLog(target, { issuer }), log);
});

eachWay("a dry run is refused as the real one would be", async (s) => {
  const dry = { ...s.target, dryRun: () => {} };
  await refused("issuer_not_found", deactivateIssuer(dry, s.issuer));
  await refused("key_not_found", revokeKey(dry, s.kid));
  await register(s);
  await refused(
    "key_belongs_to_another_issuer",
    register({ ...s, issuer: `${s.issuer}-2`, target: dry }),
  );
  await revokeKey(s.target, s.kid);
  await refused("key_revoked", register({ ...s, target: dry }));
});

eachWay("a reason is kept in the audit log, whatever it is written with", async (s) => {
  const reason = 'leaked in "ticket #42" – größer \\u0041 🔑';
  await register({ ...s, target: { ...s.target, reason } });
  await deactivateIssuer(s.target, s.issuer);
  const [deactivated, ...registered] = await auditLog(s.target, { issuer: s.issuer });
  assert.equal(deactivated?.reason, null);
  assert.deepEqual([...new Set(registered.map((change) => change.reason))], [reason]);
});

eachWay("a reason that the log could not show is refused", async (s) => {
  for (const reason of ["", "  ", "x".repeat(501), "a\nb", "\ud800", 7]) {
    const target = Object.assign({}, s.target, { reason });
    await refused("invalid_argument", register({ ...s, target }), /Expected reason to be/);
  }
  await register({ ...s, target: { ...s.target, reason: "x".repeat(500) } });
});
