import assert from "node:assert/strict";
import { LeftOutCounts, LOG_BUDGETS, logKind } from "./log_budgets.ts";
import type { RefusedEvent } from "./swap_event.ts";

const refused = (change: Partial<RefusedEvent> = {}): RefusedEvent => ({
  type: "refused",
  requestId: "12345678",
  reason: "bad_signature",
  code: "token_refused",
  status: 401,
  alarm: false,
  authenticated: false,
  ...change,
});

Deno.test("logKind() counts a stranger's lines against no issuer, and nobody's against an alarm", () => {
  assert.equal(logKind(refused()), "strangers");
  assert.equal(logKind(refused({ issuer: "billing" })), "unproven");
  assert.equal(logKind(refused({ issuer: "billing", authenticated: true })), "issuers");
  assert.equal(logKind(refused({ issuer: "billing", authenticated: true, alarm: true })), "alarms");
  assert.equal(logKind(refused({ alarm: true })), "alarms");
});

Deno.test("LOG_BUDGETS stay under the hundred events that Supabase keeps, with a line for each that was left out", () => {
  const budgets = Object.values(LOG_BUDGETS);
  assert.ok(budgets.reduce((sum, budget) => sum + budget, 0) + budgets.length < 100);
});

Deno.test("LeftOutCounts counts in bounded memory, and names those with the most", () => {
  const counts = new LeftOutCounts();
  assert.equal(counts.summary("unproven"), undefined);
  for (let index = 0; index < 3_000; index++) counts.add(refused({ issuer: `issuer-${index}` }));
  for (let index = 0; index < 5; index++) {
    counts.add(refused({ issuer: "issuer-7", reason: "revoked_key" }));
  }
  counts.add(refused({ issuer: "too-late" }));
  const summary = counts.summary("unproven");
  assert.deepEqual(summary?.reasons, { bad_signature: 3_001, revoked_key: 5 });
  assert.equal(summary?.lines, 3_006);
  const named = Object.entries(summary?.issuers ?? {});
  assert.equal(named.length, 20);
  assert.deepEqual(named[0], ["issuer-7", 6]);
  assert.ok(!named.some(([issuer]) => issuer === "too-late"));
  assert.ok(JSON.stringify(summary).length < 10_000);
});
