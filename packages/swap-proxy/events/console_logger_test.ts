import assert from "node:assert/strict";
import { consoleLogger } from "./console_logger.ts";
import type { RefusedEvent } from "./swap_event.ts";

const refused: RefusedEvent = {
  type: "refused",
  requestId: "id",
  reason: "bad_signature",
  code: "token_refused",
  status: 401,
  alarm: false,
  issuer: "service-a",
};
const alarm: RefusedEvent = {
  type: "refused",
  requestId: "id",
  reason: "downstream_token_rejected",
  code: "downstream_token_rejected",
  status: 502,
  alarm: true,
};

function harness() {
  let now = 1_000_000;
  const warnings: string[] = [];
  const errors: string[] = [];
  const sink = {
    warn: (line: string) => void warnings.push(line),
    error: (line: string) => void errors.push(line),
  };
  const log = consoleLogger(sink, () => now);
  return { warnings, errors, log, pass: (milliseconds: number) => now += milliseconds };
}

Deno.test("consoleLogger() writes one line of JSON per event, alarms as errors", () => {
  const { warnings, errors, log } = harness();
  log(refused);
  log(alarm);
  assert.deepEqual(warnings.map((line) => JSON.parse(line)), [refused]);
  assert.deepEqual(errors.map((line) => JSON.parse(line)), [alarm]);
});

Deno.test("consoleLogger() counts under a flood, says so afterwards, and still raises the alarm", () => {
  const { warnings, errors, log, pass } = harness();
  for (let i = 0; i < 10_000; i++) log(refused);
  log(alarm);
  assert.equal(warnings.length, 50);
  assert.equal(errors.length, 1);
  pass(10_000);
  log(refused);
  assert.equal(warnings.length, 52);
  assert.deepEqual(JSON.parse(warnings[50] ?? ""), {
    type: "left_out",
    counts: { bad_signature: 9_950 },
  });
});

Deno.test("consoleLogger() stays below what the platform keeps in ten seconds", () => {
  const { warnings, errors, log } = harness();
  for (let i = 0; i < 1_000; i++) {
    log(refused);
    log(alarm);
  }
  assert.ok(warnings.length + errors.length < 100);
});
