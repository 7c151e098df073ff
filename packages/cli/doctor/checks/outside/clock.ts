import type { Reading } from "../../ask.ts";
import { type Check, type Finding, notChecked, ok, problem, warning } from "../../finding.ts";

/** Milliseconds that the verifier and the guard tolerate. */
const TOLERATED = 5_000;
/** Milliseconds that PostgREST tolerates, and that a downstream token lives. */
const FATAL = 30_000;

/**
 * Whether the clocks agree: this machine's, the function's (by its `Date`) and the database's.
 *
 * **Does not** see the function's own clock where a gateway rewrites `Date`.
 */
export const clockCheck: Check = {
  name: "clock",
  async run({ health, database }) {
    const { clock } = await health();
    if (clock === undefined) return notChecked("the function does not report its time");
    const found = await database();
    return [...here(clock), ...("why" in found ? [] : between(clock, found))];
  },
};

/** A difference, less what the uncertainty of the readings explains. */
function certain(ahead: number, ...readings: readonly Reading[]): number {
  return Math.abs(ahead) - readings.reduce((sum, { uncertainty }) => sum + uncertainty, 0);
}

function here(clock: Reading): readonly Finding[] {
  if (certain(clock.ahead, clock) <= TOLERATED) return ok("this machine and the function agree");
  return warning(
    "clock_here",
    `the function's clock is ${apart(clock.ahead)} this machine's, and ${
      TOLERATED / 1000
    } s are tolerated`,
    "set this machine's clock; tokens that it signs are rejected",
  );
}

function between(clock: Reading, inDatabase: Reading): readonly Finding[] {
  const difference = clock.ahead - inDatabase.ahead;
  const size = certain(difference, clock, inDatabase);
  if (size <= TOLERATED) return ok("the function and the database agree");
  const found = `the function's clock is ${apart(difference)} the database's`;
  return size > FATAL
    ? problem(
      "clocks_apart",
      found,
      "PostgREST rejects what the function signs; set the clock of whichever is wrong",
    )
    : warning(
      "clocks_differ",
      found,
      "keys begin and end at other times for the guard than for the function; set the clock of whichever is wrong",
    );
}

function apart(milliseconds: number): string {
  const seconds = Math.round(Math.abs(milliseconds) / 1000);
  return `${seconds} s ${milliseconds > 0 ? "ahead of" : "behind"}`;
}
