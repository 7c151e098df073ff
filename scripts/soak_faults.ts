/** The faults, one after the other, and how long until what surrounds the proxies is whole again. */
import type { LocalTarget } from "@countersign/local-target";
import type postgres from "postgres";
import { processOf } from "../functions/rest/tests/faults/postgrest_hung.ts";
import type { TcpRelay } from "../functions/rest/tests/tcp_relay.ts";
import { downstreamToken } from "../functions/rest/tests/token_forge.ts";
import type { Faults } from "./soak_model.ts";
import type { Proxy } from "./soak_proxies.ts";

export interface Surroundings {
  readonly target: LocalTarget;
  readonly sql: postgres.Sql;
  readonly superuser: postgres.Sql;
  readonly relays: readonly TcpRelay[];
  readonly mortal: Proxy;
}

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

/** Runs one fault after the other, with quiet in between, until `isOver`. */
export async function injectFaults(
  surroundings: Surroundings,
  faults: Faults,
  isOver: () => boolean,
): Promise<Map<string, number>> {
  const done = new Map<string, number>();
  for (let n = 0;; n++) {
    const fault = FAULTS[n % FAULTS.length]!;
    for (let quiet = 0; quiet < QUIET && !isOver(); quiet++) await seconds(1);
    if (isOver()) return done;
    if (fault.isHarmless) await fault.run(surroundings);
    else {
      const window = faults.begin();
      await fault.run(surroundings);
      await untilWhole(surroundings);
      window.over();
    }
    done.set(fault.name, (done.get(fault.name) ?? 0) + 1);
  }
}

/** Seconds between faults. */
const QUIET = 8;

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
  for (let inARow = 0; inARow < 5;) {
    try {
      await sql`select 1`;
      const token = downstreamToken({ role: "anon" }, target.jwtSecret);
      const response = await fetch(`${target.postgrestUrl}/`, {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(2_000),
      });
      await response.body?.cancel();
      inARow = response.ok ? inARow + 1 : 0;
    } catch {
      inARow = 0;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function seconds(length: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, length * 1_000));
}
