import assert from "node:assert/strict";
import { consoleLogger } from "./console_logger.ts";
import { LOG_BUDGETS } from "./log_budgets.ts";
import type { ObservedEvent, RefusedEvent } from "./swap_event.ts";

const stranger: RefusedEvent = {
  type: "refused",
  requestId: "id",
  reason: "malformed",
  code: "token_malformed",
  status: 401,
  alarm: false,
  authenticated: false,
};
const unproven: RefusedEvent = {
  ...stranger,
  reason: "bad_signature",
  code: "token_refused",
  issuer: "service-a",
};
const stolen: RefusedEvent = {
  ...stranger,
  reason: "role_not_allowed",
  code: "role_not_allowed",
  status: 403,
  authenticated: true,
  issuer: "service-a",
  kid: "k",
  claim: "role",
  role: "admin",
};
const observed: ObservedEvent = {
  type: "observed",
  requestId: "id",
  issuer: "service-b",
  kid: "k",
  refusals: [],
};
const alarm: RefusedEvent = {
  ...stranger,
  reason: "downstream_token_rejected",
  code: "downstream_token_rejected",
  status: 502,
  alarm: true,
  authenticated: true,
  issuer: "service-a",
};
const EVENTS = { strangers: stranger, unproven, issuers: stolen, observed, alarms: alarm };

function harness() {
  let now = 1_000_000;
  const warnings: string[] = [];
  const errors: string[] = [];
  const timers = new Map<object, { at: number; run: () => void }>();
  const logger = consoleLogger({
    sink: {
      warn: (line) => void warnings.push(line),
      error: (line) => void errors.push(line),
    },
    clock: () => now,
    later(run, milliseconds) {
      const id = {};
      timers.set(id, { at: now + milliseconds, run });
      return () => timers.delete(id);
    },
  });
  return {
    ...logger,
    warnings,
    errors,
    timers,
    pass(milliseconds: number) {
      now += milliseconds;
      for (const { at, run } of [...timers.values()]) if (at <= now) run();
    },
  };
}

Deno.test("consoleLogger() writes one line of JSON per event, alarms as errors", () => {
  const { warnings, errors, log, timers } = harness();
  log(unproven);
  log(alarm);
  assert.deepEqual(warnings.map((line) => JSON.parse(line)), [unproven]);
  assert.deepEqual(errors.map((line) => JSON.parse(line)), [alarm]);
  assert.equal(timers.size, 0, "a timer without a flood");
});

Deno.test("consoleLogger() lets no kind of line hide another", () => {
  for (const flood of Object.values(EVENTS)) {
    const { warnings, errors, log } = harness();
    for (let i = 0; i < 10_000; i++) log(flood);
    for (const [kind, event] of Object.entries(EVENTS)) {
      if (event === flood) continue;
      for (let i = 0; i < 10; i++) log(event);
      const lines = [...warnings, ...errors].filter((line) => line === JSON.stringify(event));
      assert.equal(lines.length, 10, `${kind} behind ${flood.type}`);
    }
  }
});

Deno.test("consoleLogger() shows twenty tries of a stolen key behind fifty requests of junk", () => {
  const { warnings, log } = harness();
  for (let i = 0; i < 50; i++) log(stranger);
  for (let i = 0; i < 20; i++) log(stolen);
  assert.equal(warnings.filter((line) => line.includes("role_not_allowed")).length, 20);
});

Deno.test("consoleLogger() says what it left out when the window is over, though nothing else happens", () => {
  const { warnings, log, pass, timers } = harness();
  for (let i = 0; i < 1_000; i++) log(unproven);
  pass(9_999);
  assert.equal(warnings.length, LOG_BUDGETS.unproven);
  pass(1);
  assert.deepEqual(JSON.parse(warnings.at(-1) ?? ""), {
    type: "left_out",
    kind: "unproven",
    lines: 1_000 - LOG_BUDGETS.unproven,
    reasons: { bad_signature: 1_000 - LOG_BUDGETS.unproven },
    issuers: { "service-a": 1_000 - LOG_BUDGETS.unproven },
  });
  assert.equal(timers.size, 0);
  log(unproven);
  assert.equal(warnings.length, LOG_BUDGETS.unproven + 2, "the next window begins");
});

Deno.test("consoleLogger() says at a worker's end what it left out, once", () => {
  const { warnings, errors, log, flush, pass, timers } = harness();
  for (let i = 0; i < 100; i++) {
    log(unproven);
    log(alarm);
  }
  flush();
  flush();
  assert.equal(timers.size, 0);
  pass(20_000);
  assert.equal(warnings.length, LOG_BUDGETS.unproven + 1);
  assert.equal(errors.length, LOG_BUDGETS.alarms + 1);
  assert.equal(JSON.parse(errors.at(-1) ?? "").lines, 100 - LOG_BUDGETS.alarms);
});

Deno.test("consoleLogger() begins another window also where no timer has run", () => {
  const { warnings, log, pass } = harness();
  for (let window = 1; window <= 3; window++) {
    for (let i = 0; i < LOG_BUDGETS.strangers; i++) log(stranger);
    assert.equal(warnings.length, window * LOG_BUDGETS.strangers);
    pass(10_000);
  }
});

Deno.test("consoleLogger() names the issuers with the most lines, and counts in bounded memory", () => {
  const { warnings, log, flush } = harness();
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 5_000; i++) {
      const issuer = `issuer-${String(i).padStart(4, "0")}-${"x".repeat(240)}`;
      if (i % 100 >= round) log({ ...unproven, issuer });
    }
  }
  flush();
  const last = warnings.at(-1) ?? "";
  const summary = JSON.parse(last);
  assert.equal(summary.lines, 15_000 - 150 - LOG_BUDGETS.unproven);
  assert.equal(Object.keys(summary.issuers).length, 20);
  assert.ok(Object.values(summary.issuers).every((lines) => lines === 3));
  assert.ok(last.length < 10_000);
});

Deno.test("consoleLogger() stays below what the platform keeps in ten seconds", () => {
  const { warnings, errors, log, flush } = harness();
  for (let i = 0; i < 1_000; i++) for (const event of Object.values(EVENTS)) log(event);
  flush();
  assert.ok(warnings.length + errors.length < 100);
});

Deno.test("consoleLogger() writes to the console, by a timer of its own", async () => {
  const { warn } = console;
  const lines: string[] = [];
  console.warn = (line) => void lines.push(line);
  try {
    const { log, flush } = consoleLogger();
    for (let i = 0; i <= LOG_BUDGETS.strangers; i++) log(stranger);
    flush();
    const short = consoleLogger({ later: (run) => (setTimeout(run, 1), () => {}) });
    for (let i = 0; i <= LOG_BUDGETS.strangers; i++) short.log(stranger);
    await new Promise((resolve) => setTimeout(resolve, 20));
  } finally {
    console.warn = warn;
  }
  assert.equal(lines.length, 2 * (LOG_BUDGETS.strangers + 1));
});
