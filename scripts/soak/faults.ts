/** The faults, one after the other, and how long until what surrounds the proxies is whole again. */
import { processOf } from "@countersign/fixture/stage";
import type { LocalTarget } from "@countersign/local-target";
import type postgres from "postgres";
import { downstreamToken, type TcpRelay, until } from "@countersign/fixture";
import type { Faults, Judge } from "./model.ts";
import type { Proxy } from "./proxies.ts";

export interface Surroundings {
  readonly target: LocalTarget;
  readonly sql: postgres.Sql;
  readonly superuser: postgres.Sql;
  readonly relays: readonly TcpRelay[];
  readonly mortal: Proxy;
  /** Whether every proxy lets an honest reader through. */
  isWell(): Promise<boolean>;
}

/** What became of a kind of fault. */
export interface Injected {
  times: number;
  /** Milliseconds from when all around the proxies was whole until all of them were well, at most. */
  wellAgain?: number;
}

/** When and for how long. */
export interface Schedule {
  /** Seconds between faults. */
  readonly quiet: number;
  /** Milliseconds in which the proxies have to be well again. */
  readonly wellAgain: number;
  /** Asked with how many there were. */
  isOver(count: number): boolean;
}

/** Milliseconds after which it will not be well any more. */
const PATIENCE = 60_000;

interface Fault {
  readonly name: string;
  /** Nobody may notice. */
  readonly isHarmless?: true;
  run(surroundings: Surroundings): Promise<unknown>;
}

const FAULTS: readonly Fault[] = [
  {
    name: "LISTEN cut silently",
    isHarmless: true,
    async run({ relays }) {
      for (const relay of relays) relay.silenceListeners();
      await seconds(4);
    },
  },
  {
    name: "registry unreachable",
    run: ({ relays }) => meanwhile(relays, "cut", 4),
  },
  {
    name: "Postgres restarted",
    run: ({ target }) => target.postgres.restart(),
  },
  {
    name: "PostgREST hung",
    async run({ target }) {
      const pid = await processOf(`PGRST_SERVER_PORT=${new URL(target.postgrestUrl).port}`);
      Deno.kill(pid, "SIGSTOP");
      try {
        await seconds(3);
      } finally {
        Deno.kill(pid, "SIGCONT");
      }
    },
  },
  {
    name: "a proxy killed",
    run: ({ mortal }) => mortal.replace(),
  },
  {
    name: "registry slow",
    isHarmless: true,
    async run({ relays }) {
      for (const relay of relays) relay.delay = 200;
      await seconds(5);
      for (const relay of relays) relay.delay = 0;
    },
  },
  {
    name: "PostgREST killed",
    async run({ target }) {
      await target.postgrest.stop();
      await seconds(2);
      await target.postgrest.start();
    },
  },
  {
    name: "registry hanging",
    run: ({ relays }) => meanwhile(relays, "hold", 4),
  },
  {
    name: "Postgres killed",
    async run({ target }) {
      await target.postgres.stop();
      await seconds(4);
      await target.postgres.start();
    },
  },
  {
    name: "every connection of proxies and PostgREST terminated",
    run: ({ superuser }) =>
      superuser`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'countersign' or usename = 'authenticator'`,
  },
];

/** Runs one fault after the other, with quiet in between. */
export async function injectFaults(
  surroundings: Surroundings,
  { quiet, wellAgain, isOver }: Schedule,
  faults: Faults,
  judge: Judge,
): Promise<Map<string, Injected>> {
  const done = new Map<string, Injected>();
  for (let n = 0;; n++) {
    const { name, isHarmless, run } = FAULTS[n % FAULTS.length]!;
    for (let passed = 0; passed < quiet && !isOver(n); passed++) await seconds(1);
    if (isOver(n)) return done;
    const injected = done.get(name) ?? { times: 0 };
    done.set(name, injected);
    injected.times++;
    if (isHarmless) {
      await run(surroundings);
      continue;
    }
    const window = faults.begin();
    await run(surroundings);
    await untilWhole(surroundings);
    const whole = performance.now();
    const well = await inARow("the proxies are well", 20, surroundings.isWell);
    const took = Math.round(well - whole);
    window.over(whole);
    injected.wellAgain = Math.max(injected.wellAgain ?? 0, took);
    if (took > wellAgain) judge.wrong(`The proxies were well ${took} ms after "${name}"`);
  }
}

async function meanwhile(
  relays: readonly TcpRelay[],
  what: "cut" | "hold",
  length: number,
): Promise<void> {
  for (const relay of relays) relay[what]();
  await seconds(length);
  for (const relay of relays) relay.open();
}

/** Asks Postgres and PostgREST themselves, several times in a row. */
async function untilWhole({ target, sql }: Surroundings): Promise<void> {
  await inARow("Postgres and PostgREST work", 5, async () => {
    await sql`select 1`;
    const token = downstreamToken({ role: "anon" }, target.jwtSecret);
    const response = await fetch(`${target.postgrestUrl}/`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(2_000),
    });
    await response.body?.cancel();
    return response.ok;
  });
}

/** @returns When the first of the good ones was asked for. */
async function inARow(what: string, times: number, isGood: () => Promise<boolean>) {
  let good = 0;
  let since = 0;
  await until(what, async () => {
    if (good === 0) since = performance.now();
    good = await isGood().catch(() => false) ? good + 1 : 0;
    return good === times;
  }, PATIENCE);
  return since;
}

function seconds(length: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, length * 1_000));
}
