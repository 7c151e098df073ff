import assert from "node:assert/strict";
import { always, Faults, History, Judge } from "./model.ts";

const REVOKED = "401 token_refused";

/** An issuer that was revoked just now; answers are timed from there. */
async function revoked(guarded: boolean) {
  const verdicts = new History("201");
  let acknowledged = 0;
  await verdicts.change(REVOKED, () => Promise.resolve(acknowledged = performance.now()));
  const faults = new Faults();
  const judge = new Judge(faults, new History(guarded));
  const answer = (verdict: string, sent: number) => {
    const before = judge.violations.length;
    judge.judge(
      "writer",
      { verdict, sent: acknowledged + sent, answered: acknowledged + sent + 5 },
      {
        verdicts,
        staleness: 2_000,
      },
    );
    return judge.violations.length === before;
  };
  return { answer, faults, judge };
}

Deno.test("Judge lets a revoked issuer write within the staleness, and not beyond", async () => {
  const { answer } = await revoked(false);
  assert.equal(answer("201", -100), true);
  assert.equal(answer("201", 1_900), true);
  assert.equal(answer("201", 2_100), false);
  assert.equal(answer(REVOKED, 2_100), true);
  assert.equal(answer(REVOKED, -100), false);
});

Deno.test("Judge lets a revoked issuer write nothing at all where the guard is on", async () => {
  const { answer } = await revoked(true);
  assert.equal(answer("201", -2), true);
  assert.equal(answer("201", 100), false);
});

Deno.test("Judge takes a refusal for a fault's only while there is one", async () => {
  const { answer, faults } = await revoked(false);
  assert.equal(answer("503 registry_unavailable", 10_000), false);
  faults.begin();
  assert.equal(answer("503 registry_unavailable", 10_000), true);
  assert.equal(answer("500 internal_error", 10_000), false);
  assert.equal(answer("201", 10_000), false);
});

Deno.test("Judge refuses any other verdict than the one that is always right", () => {
  const judge = new Judge(new Faults(), new History(false));
  assert.equal(
    judge.judge("forger", { verdict: REVOKED, sent: 0, answered: 1 }, always(REVOKED)),
    true,
  );
  assert.equal(
    judge.judge("forger", { verdict: "201", sent: 0, answered: 1 }, always(REVOKED)),
    false,
  );
  assert.equal(judge.violations.length, 1);
});

Deno.test("History.change() repeats what a fault kept from being done", async () => {
  const verdicts = new History("201");
  let attempts = 0;
  const before = performance.now();
  await verdicts.change(
    REVOKED,
    () => ++attempts < 2 ? Promise.reject(new Error("away")) : Promise.resolve(),
  );
  assert.equal(attempts, 2);
  assert.deepEqual(verdicts.during(before, before + 50), new Set(["201", REVOKED]));
  assert.deepEqual(
    verdicts.during(performance.now() + 1, performance.now() + 2),
    new Set([REVOKED]),
  );
});

Deno.test("Faults lasts for a second from when everything was whole, or else until it is over", () => {
  const faults = new Faults();
  const fault = faults.begin();
  const now = performance.now();
  fault.over(now);
  assert.equal(faults.during(now + 900, now + 910), true);
  assert.equal(faults.during(now + 1_100, now + 1_110), false);

  fault.over(now - 5_000);
  assert.equal(faults.during(now, now), true);
  assert.equal(faults.during(now + 900, now + 910), false);
});
