/**
 * Runs in a process of its own: loads test files, and tries one mutant after the other with the tests that reach it.
 *
 * Speaks in lines of JSON. `{"loaded":…}` says which mutants were reached while the files loaded, and which by each
 * test; `{"trying":7}` goes before a mutant, so that whoever waits knows which one never ended.
 *
 * Arguments: a file that holds `{tests, mutants, active}`. With `active` that mutant holds from the start, and every
 * test runs once.
 */
interface Orders {
  readonly tests: readonly string[];
  readonly mutants: readonly number[];
  readonly active?: number;
  /** What an earlier run found out: by test, the mutants that it reaches; none for one that is not steady. */
  readonly reach?: readonly (readonly number[])[];
  /** By test, how many milliseconds it takes. */
  readonly durations?: readonly number[];
}

type Body = (context: object) => unknown;
interface Collected {
  readonly name: string;
  readonly file: string;
  readonly body: Body;
  reached: Set<number>;
  duration: number;
}

/** Milliseconds that a test may take whose time isn't known. */
const TEST_TIMEOUT = 8_000;
/** Milliseconds of tests for one mutant: what survives them counts as alive, and what kills does so at once. */
const PATIENCE = 10_000;

const orders: Orders = JSON.parse(Deno.readTextFileSync(Deno.args[0]!));
const collected: Collected[] = [];
let loading = "";
let active = orders.active ?? -1;
let reached = new Set<number>();

Reflect.set(globalThis, "__mutant", (id: number) => {
  reached.add(id);
  return id === active;
});

const collect = (...args: unknown[]): void => {
  const options = args.find((arg) => typeof arg === "object" && arg !== null) as
    | { name?: string; fn?: Body }
    | undefined;
  const body = args.findLast((arg): arg is Body => typeof arg === "function") ?? options?.fn;
  const name = args.find((arg): arg is string => typeof arg === "string") ?? options?.name ?? "";
  if (body !== undefined) {
    collected.push({ name, file: loading, body, reached: new Set(), duration: 0 });
  }
};
Object.defineProperty(Deno, "test", {
  value: Object.assign(collect, { beforeAll() {}, afterAll() {} }),
});
// What tests print of refused requests is no result.
for (const method of ["log", "warn", "error", "info"] as const) console[method] = () => {};

const say = (line: object): void => {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
};
const context = {
  step: async (name: string | { fn: Body }, body?: Body) => {
    await (body ?? (typeof name === "string" ? () => {} : name.fn))(context);
    return true;
  },
};

/** Why a test fails; `undefined` if it passes. */
async function failureOf(test: Collected): Promise<string | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<string>((resolve) => {
    const timeout = test.duration === 0 ? TEST_TIMEOUT : 2_000 + 5 * test.duration;
    timer = setTimeout(resolve, timeout, "timed out");
  });
  try {
    return await Promise.race([Promise.resolve(test.body(context)).then(() => undefined), late]);
  } catch (error) {
    return String(error).slice(0, 200);
  } finally {
    clearTimeout(timer);
  }
}

// A promise that nobody waits for rejects: a mutant made it, and the test that made it has failed.
let stray: string | undefined;
globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  stray = String(event.reason).slice(0, 200);
});

try {
  for (const file of orders.tests) {
    loading = file;
    await import(file);
  }
} catch (error) {
  say({ broken: String(error).slice(0, 300) });
  Deno.exit(3);
}

if (orders.active !== undefined) {
  for (const test of collected) {
    const failure = await failureOf(test) ?? stray;
    if (failure !== undefined) {
      say({ killed: orders.active, by: test.name });
      Deno.exit(0);
    }
  }
  say({ survived: orders.active });
  Deno.exit(0);
}

if (orders.reach === undefined) {
  const whileLoading = [...reached];
  for (const test of collected) {
    say({ test: test.name });
    reached = new Set();
    const failure = await failureOf(test);
    // A second time: a test that only passes once says nothing about a mutant.
    const start = performance.now();
    const again = failure ?? await failureOf(test);
    test.duration = Math.ceil(performance.now() - start);
    test.reached = again === undefined ? reached : new Set();
    if (again !== undefined) say({ flaky: test.name, failure: again });
  }
  const reach = collected.map((test) => [...test.reached]);
  const durations = collected.map(({ duration }) => duration);
  say({ loaded: whileLoading, reach, durations });
} else {
  for (const [index, ids] of orders.reach.entries()) {
    collected[index]!.reached = new Set(ids);
    collected[index]!.duration = orders.durations?.[index] ?? 0;
  }
}

for (const mutant of orders.mutants) {
  say({ trying: mutant });
  // The quickest first: most mutants die at once.
  const judges = collected.filter((test) => test.reached.has(mutant))
    .toSorted((one, other) => one.duration - other.duration);
  let killer: Collected | undefined;
  active = mutant;
  stray = undefined;
  let spent = 0;
  for (const test of judges) {
    if ((spent += test.duration) > PATIENCE) break;
    say({ test: test.name });
    if (await failureOf(test) !== undefined || stray !== undefined) {
      killer = test;
      break;
    }
  }
  active = -1;
  if (killer === undefined) say({ survived: mutant });
  else {
    say({ killed: mutant, by: killer.name });
    // What the mutant has left behind would be held against the next one: it gets another process.
    if (await failureOf(killer) !== undefined) Deno.exit(4);
  }
}
Deno.exit(0);
