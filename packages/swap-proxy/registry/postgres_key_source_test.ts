import { keySourceContract } from "@countersign/verifier/testing";
import type { IssuerRecord } from "@countersign/verifier";
import assert from "node:assert/strict";
import { makeIssuer } from "@countersign/fixture";
import { type FakeRegistry, fakeRegistry } from "../fixtures/registry.ts";
import {
  type PostgresKeySource,
  postgresKeySource,
  type PostgresKeySourceOptions,
} from "./postgres_key_source.ts";

const { record: a } = await makeIssuer("service-a");
const { record: b } = await makeIssuer("service-b");
const revoked = (record: IssuerRecord): IssuerRecord => ({
  ...record,
  keys: [],
  revokedKids: record.keys.map(({ kid }) => kid),
});

/** Runs a test on a registry with two issuers, and closes the source. */
async function withSource(
  body: (source: PostgresKeySource, registry: FakeRegistry) => Promise<void>,
  options: PostgresKeySourceOptions & { listen?: boolean } = {},
): Promise<void> {
  const { listen = false, ...bounds } = options;
  const registry = fakeRegistry({ listen });
  registry.put(a);
  registry.put(b);
  const source = postgresKeySource(registry.client, { now: registry.now, ...bounds });
  try {
    await body(source, registry);
  } finally {
    await source.close();
  }
}

/** Lets everything that is settled go on. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
const silent = () => {};

Deno.test("postgresKeySource() answers a known issuer at once, without a query", async () => {
  await withSource(async (source, registry) => {
    const found = await source.find("service-a");
    assert.deepEqual(found, a);
    for (let i = 0; i < 100; i++) assert.equal(source.find("service-a"), found);
    assert.deepEqual(registry.queries, [["service-a"]]);
  });
});

Deno.test("postgresKeySource() reads once for everybody who waits", async () => {
  await withSource(async (source, registry) => {
    const release = registry.hold();
    const first = Array.from({ length: 50 }, () => source.find("service-a"));
    const second = Array.from({ length: 50 }, () => source.find("service-b"));
    release();
    registry.time += 200;
    assert.equal(new Set(await Promise.all(first)).size, 1);
    assert.equal(new Set(await Promise.all(second)).size, 1);
    assert.deepEqual(registry.queries, [["service-a"], ["service-b"]]);
  });
});

Deno.test("postgresKeySource() bounds what a flood of unknown issuers costs", async () => {
  await withSource(async (source, registry) => {
    const known = await source.find("service-a");
    registry.queries.length = 0;
    let turnedAway = 0;
    const reasons = new Set<string>();
    const answers: Promise<unknown>[] = [];
    for (let i = 0; i < 50_000; i++) {
      const answer = Promise.resolve(source.find(`flood-${i}`));
      answers.push(answer.catch((error) => {
        turnedAway++;
        reasons.add(error.reason);
      }));
      if (i % 1_000 === 0) assert.equal(source.find("service-a"), known);
    }
    registry.time += 200;
    await Promise.all(answers);
    assert.deepEqual(registry.queries.map(({ length }) => length), [1, 10_000]);
    assert.deepEqual([...reasons], ["registry_overloaded"]);
    assert.equal(turnedAway, 39_999);
    assert.equal(source.find("service-a"), known);
  });
});

Deno.test("postgresKeySource() answers a crowd of 3,000 and a newcomer in it with the next read", async () => {
  await withSource(async (source, registry) => {
    await source.find("service-a");
    for (let i = 0; i < 5; i++) await source.find(`nobody-${i}`); // The whole ration.
    registry.put({ ...a, issuer: "newcomer" });
    registry.queries.length = 0;
    const crowd = Array.from(
      { length: 3_000 },
      (_, i) => Promise.resolve(source.find(`crowd-${i}`)),
    );
    const newcomer = source.find("newcomer");
    registry.time += 200;
    assert.equal((await newcomer)?.issuer, "newcomer");
    assert.deepEqual(new Set(await Promise.all(crowd)), new Set([undefined]));
    assert.equal(registry.queries.length, 1);
  });
});

Deno.test("postgresKeySource() says whether the registry can be read however many names wait", async () => {
  await withSource(async (source, registry) => {
    await source.find("service-a");
    const crowd = Array.from(
      { length: 11_000 },
      (_, i) => Promise.resolve(source.find(`crowd-${i}`)),
    );
    const settled = Promise.allSettled(crowd);
    await source.check();
    registry.failure = new Error("gone");
    await assert.rejects(source.check(), /gone/);
    registry.time += 10_000;
    await settled;
  });
});

Deno.test("postgresKeySource() rations reads for unseen names, but not those for seen ones", async () => {
  await withSource(async (source, registry) => {
    await source.find("service-a");
    for (let i = 0; i < 5; i++) await source.find(`nobody-${i}`); // The whole ration.
    registry.queries.length = 0;
    const unseen = source.find("nobody");
    await turn();
    assert.deepEqual(registry.queries, []);
    registry.time += 5_001; // Nothing is confirmed any more: service-a is read again, at once.
    assert.equal((await source.find("service-a"))?.issuer, "service-a");
    assert.deepEqual(registry.queries, [["nobody", "service-a"]]);
    assert.equal(await unseen, undefined);
  });
});

Deno.test("postgresKeySource() keeps no registered issuer waiting for a ration", async () => {
  await withSource(async (source, registry) => {
    for (let i = 0; i < 100; i++) registry.put({ ...a, issuer: `service-${i}` });
    for (let i = 0; i < 100; i++) {
      assert.equal((await source.find(`service-${i}`))?.issuer, `service-${i}`);
    }
  });
});

Deno.test("postgresKeySource() reads for unseen names five times a second at most, after a burst", async () => {
  await withSource(async (source, registry) => {
    for (let i = 0; i < 200; i++) {
      Promise.resolve(source.find(`nobody-${i}`)).catch(silent);
      registry.time += 50;
      await turn();
    }
    const seconds = 200 * 50 / 1_000;
    assert.ok(registry.queries.length <= seconds * 5 + 5, `${registry.queries.length}`);
  });
});

Deno.test("postgresKeySource() remembers an unknown name so briefly that a new issuer works within a second", async () => {
  await withSource(async (source, registry) => {
    assert.equal(await source.find("service-c"), undefined);
    registry.put({ ...a, issuer: "service-c" });
    registry.time += 749;
    assert.equal(source.find("service-c"), undefined);
    registry.time += 1;
    assert.equal((await source.find("service-c"))?.issuer, "service-c");
    assert.equal(registry.queries.length, 2);
  });
});

Deno.test("postgresKeySource() confirms in the background from half the staleness on", async () => {
  await withSource(async (source, registry) => {
    const known = await source.find("service-a");
    registry.time += 2_500;
    assert.equal(source.find("service-a"), known);
    assert.equal(registry.queries.length, 1);
    registry.time += 1;
    const release = registry.hold();
    for (let i = 0; i < 10; i++) assert.equal(source.find("service-a"), known);
    assert.deepEqual(registry.queries.slice(1), [[]]);
    release();
    await turn();
    registry.time += 2_499; // As fresh as when the confirmation was sent.
    assert.equal(source.find("service-a"), known);
    assert.equal(registry.queries.length, 2);
  });
});

Deno.test("postgresKeySource() reads every record again after a change, and keeps those that are equal", async () => {
  await withSource(async (source, registry) => {
    const knownA = await source.find("service-a");
    registry.time += 200;
    const knownB = await source.find("service-b");
    registry.put(revoked(b));
    registry.time += 2_501;
    assert.equal(source.find("service-a"), knownA);
    await turn(); // The confirmation has found the new version.
    const [foundA, foundB] = [source.find("service-a"), source.find("service-b")];
    assert.ok(foundA instanceof Promise && foundB instanceof Promise);
    assert.equal(await foundA, knownA);
    assert.notEqual(await foundB, knownB);
    assert.deepEqual(await foundB, revoked(b));
    assert.equal(source.find("service-a"), knownA);
  });
});

Deno.test("postgresKeySource() never answers from memory past its staleness", async () => {
  await withSource(async (source, registry) => {
    await source.find("service-a");
    registry.put(revoked(a));
    registry.time += 5_001;
    const found = source.find("service-a");
    assert.ok(found instanceof Promise);
    assert.deepEqual(await found, revoked(a));
  });
});

Deno.test("postgresKeySource() says how long a record is still good for", async () => {
  await withSource(async (source, registry) => {
    assert.equal(source.freshFor("service-a"), 0);
    const release = registry.hold();
    const found = source.find("service-a");
    registry.time += 300; // the age counts from when the read was sent
    release();
    await found;
    for (const [passed, left] of [[0, 4_700], [700, 4_000], [3_999, 1], [1, 0], [10, 0]] as const) {
      registry.time += passed;
      assert.equal(source.freshFor("service-a"), left);
    }
    assert.equal(source.freshFor("service-b"), 0);
  });
});

Deno.test("postgresKeySource() lets nothing be kept of an issuer whose change was announced", async () => {
  await withSource(async (source, registry) => {
    await source.find("service-a");
    await source.find("service-b");
    registry.put(revoked(a));
    registry.notify("service-a");
    assert.deepEqual([source.freshFor("service-a"), source.freshFor("service-b")], [0, 5_000]);
    registry.notify("");
    assert.equal(source.freshFor("service-b"), 0);
  }, { listen: true });
});

Deno.test("postgresKeySource() serves known issuers until the staleness has passed, then rejects", async () => {
  await withSource(async (source, registry) => {
    const known = await source.find("service-a");
    registry.failure = new Error("gone");
    registry.time += 5_000;
    assert.equal(source.find("service-a"), known);
    await turn();
    await assert.rejects(async () => await source.find("service-b"), /gone/);
    registry.time += 1;
    await assert.rejects(async () => await source.find("service-a"), /gone/);
    registry.failure = undefined;
    registry.time += 500;
    assert.equal(await source.find("service-a"), known);
  });
});

Deno.test("postgresKeySource() leaves Postgres alone for a while after a failure", async () => {
  await withSource(async (source, registry) => {
    registry.failure = new Error("gone");
    for (let i = 0; i < 200; i++) {
      Promise.resolve(source.find("service-a")).catch(silent);
      registry.time += 50;
      await turn();
    }
    assert.ok(registry.queries.length >= 10_000 / 500, `${registry.queries.length}`);
    assert.ok(registry.queries.length <= 10_000 / 250 + 5, `${registry.queries.length}`);
  });
});

Deno.test("postgresKeySource() tries refused credentials seldom, and a wrong password hardly ever", async () => {
  const wrongPassword = { code: "28P01" };
  const refusals: readonly [Error, number][] = [
    [Object.assign(new Error("password"), wrongPassword), 2],
    [Object.assign(new Error("password"), { fields: wrongPassword }), 2],
    [new Error("outer", { cause: Object.assign(new Error("password"), wrongPassword) }), 2],
    [Object.assign(new Error("role"), { code: "28000" }), 35],
  ];
  for (const [failure, most] of refusals) {
    await withSource(async (source, registry) => {
      registry.failure = failure;
      for (let i = 0; i < 600; i++) {
        Promise.resolve(source.find("service-a")).catch(silent);
        registry.time += 1_000;
        await turn();
      }
      assert.ok(registry.queries.length <= most, `${registry.queries.length} in ten minutes`);
      assert.ok(registry.queries.length >= 2);
    });
  }
});

Deno.test("postgresKeySource() asks again when the client says", async () => {
  await withSource(async (source, registry) => {
    registry.failure = Object.assign(new Error("password"), { code: "28P01", retryAfter: 300 });
    for (let i = 0; i < 100; i++) {
      Promise.resolve(source.find("service-a")).catch(silent);
      registry.time += 100;
      await turn();
    }
    assert.ok(registry.queries.length >= 20, `${registry.queries.length} in ten seconds`);
  });
});

Deno.test("postgresKeySource() reads a notified issuer again, and only that one", async () => {
  await withSource(async (source, registry) => {
    const knownA = await source.find("service-a");
    registry.time += 200;
    const knownB = await source.find("service-b");
    registry.put(revoked(a));
    registry.notify("service-a");
    assert.equal(source.find("service-b"), knownB);
    const found = source.find("service-a");
    assert.ok(found instanceof Promise);
    assert.notEqual(await found, knownA);
  }, { listen: true });
});

Deno.test("postgresKeySource() rejects for an issuer that changed while Postgres is away", async () => {
  await withSource(async (source, registry) => {
    await source.find("service-a");
    registry.put(revoked(a));
    registry.notify("service-a");
    registry.failure = new Error("gone");
    await assert.rejects(async () => await source.find("service-a"), /gone/);
  }, { listen: true });
});

Deno.test("postgresKeySource() takes an empty notification for a change of everything", async () => {
  await withSource(async (source, registry) => {
    const known = await source.find("service-a");
    assert.equal(await source.find("service-a"), known);
    registry.notify("");
    const found = source.find("service-a");
    assert.ok(found instanceof Promise);
    assert.equal(await found, known);
  }, { listen: true });
});

Deno.test("postgresKeySource() finds a new issuer as soon as it is announced", async () => {
  await withSource(async (source, registry) => {
    assert.equal(await source.find("service-c"), undefined);
    registry.put({ ...a, issuer: "service-c" });
    registry.notify("service-c");
    registry.time += 200;
    assert.equal((await source.find("service-c"))?.issuer, "service-c");
  }, { listen: true });
});

Deno.test("postgresKeySource() does not trust a read that a notification overtook", async () => {
  for (const announcement of ["service-a", ""]) {
    await withSource(async (source, registry) => {
      await source.find("service-b"); // LISTEN has begun, and confirmed itself.
      await turn();
      const release = registry.hold();
      registry.time += 200;
      const before = source.find("service-a"); // Reads the row as it is …
      await turn();
      registry.put(revoked(a)); // … and then it changes.
      registry.notify(announcement);
      const after = source.find("service-a");
      release();
      registry.time += 200;
      assert.deepEqual(await before, a);
      assert.deepEqual(await after, revoked(a));
      assert.deepEqual(await source.find("service-a"), revoked(a));
    }, { listen: true });
  }
});

Deno.test("postgresKeySource() confirms as soon as it listens again", async () => {
  await withSource(async (source, registry) => {
    const known = await source.find("service-a");
    await turn();
    registry.queries.length = 0;
    registry.put(revoked(a)); // While nobody listened.
    registry.relisten();
    assert.deepEqual(registry.queries, [[]]);
    await turn();
    const found = source.find("service-a");
    assert.ok(found instanceof Promise);
    assert.notEqual(await found, known);
  }, { listen: true });
});

Deno.test("postgresKeySource() confirms anew where it began to listen during a read", async () => {
  await withSource(async (source, registry) => {
    await source.find("service-b");
    await turn();
    registry.queries.length = 0;
    registry.time += 200;
    const release = registry.hold();
    const found = source.find("service-a");
    registry.relisten();
    release();
    await found;
    await turn();
    assert.deepEqual(registry.queries, [["service-a"], []]);
  }, { listen: true });
});

Deno.test("postgresKeySource() stops listening once it is closed", async () => {
  const registry = fakeRegistry({ listen: true });
  const source = postgresKeySource(registry.client, { now: registry.now });
  await source.find("service-a");
  assert.equal(registry.listeners, 1);
  await source.close();
  assert.equal(registry.listeners, 0);
});

Deno.test("postgresKeySource() polls on where LISTEN fails, and tries it again", async () => {
  let attempts = 0;
  const registry = fakeRegistry();
  registry.put(a);
  const client = {
    ...registry.client,
    listen: () => Promise.reject(new Error(`no ${++attempts}`)),
  };
  const source = postgresKeySource(client, { now: registry.now });
  assert.deepEqual(await source.find("service-a"), a);
  registry.time += 5_001;
  assert.deepEqual(await source.find("service-a"), a);
  assert.ok(attempts >= 2);
  await source.close();
});

Deno.test("postgresKeySource() gives up a read that takes too long", async () => {
  await withSource(async (source, registry) => {
    const release = registry.hold();
    await assert.rejects(async () => await source.find("service-a"), { code: "QUERY_TIMEOUT" });
    release();
    registry.time += 200;
    assert.deepEqual(await source.find("service-a"), a);
  }, { queryTimeout: 5 });
});

Deno.test("postgresKeySource() never asks for a name that Postgres can't hold", async () => {
  await withSource(async (source, registry) => {
    for (const name of ["nul\0", "lone\ud800", "x".repeat(256)]) {
      assert.equal(await source.find(name), undefined);
    }
    assert.deepEqual(registry.queries, []);
  });
});

Deno.test("postgresKeySource() rejects for a row that it can't understand, and for nobody else", async () => {
  await withSource(async (source, registry) => {
    registry.put({ ...b, policy: { ...b.policy, maxTokenLifetime: NaN } });
    const release = registry.hold();
    const first = source.find("service-c");
    const [found, broken] = [source.find("service-a"), source.find("service-b")];
    release();
    await first;
    registry.time += 200;
    assert.deepEqual(await found, a);
    await assert.rejects(async () => await broken);
  });
});

Deno.test("postgresKeySource() rejects an answer that is not the registry's", async () => {
  for (const rows of [[], [{}], [{ version: 7, policy: null }], [{ version: "7", policy: "{}" }]]) {
    const source = postgresKeySource({
      query: () => Promise.resolve(rows),
      end: () => Promise.resolve(),
    });
    await assert.rejects(async () => await source.find("service-a"), TypeError);
    await source.close();
  }
});

Deno.test("postgresKeySource() holds no more issuers than it may", async () => {
  await withSource(async (source, registry) => {
    for (let i = 0; i < 50; i++) {
      registry.put({ ...a, issuer: `service-${i}` });
    }
    for (let i = 0; i < 50; i++) {
      registry.time += 200;
      await source.find(`service-${i}`);
    }
    registry.queries.length = 0;
    let remembered = 0;
    for (let i = 49; i >= 0; i--) {
      const found = source.find(`service-${i}`);
      if (found instanceof Promise) found.catch(silent);
      else remembered++;
    }
    assert.ok(remembered > 0 && remembered <= 10, `${remembered}`);
  }, { maxIssuers: 10 });
});

Deno.test("postgresKeySource() turns everybody away once it is closed", async () => {
  await withSource(async (source, registry) => {
    await source.find("service-a");
    const release = registry.hold();
    const pending = source.find("service-b");
    pending instanceof Promise && pending.catch(silent);
    await source.close();
    await assert.rejects(async () => await source.find("service-a"), /closed/);
    release();
    await assert.rejects(async () => await pending, /closed/);
    await assert.rejects(async () => await source.find("service-b"), /closed/);
  });
});

Deno.test("postgresKeySource() refuses bounds that bound nothing", () => {
  const { client } = fakeRegistry();
  for (
    const options of [
      { maxStaleness: 0 },
      { maxStaleness: NaN },
      { queryTimeout: -1 },
      { maxIssuers: 0 },
      { maxUnknown: 1.5 },
    ]
  ) {
    assert.throws(() => postgresKeySource(client, options), RangeError);
  }
});

keySourceContract("postgresKeySource()", () => {
  const registry = fakeRegistry();
  const source = postgresKeySource(registry.client, { now: registry.now });
  const change = (issuer: string, part: Partial<IssuerRecord>) =>
    registry.put({ ...a, ...part, issuer });
  return {
    source: {
      find(issuer) {
        registry.time += 200; // Unseen names are due at once.
        return source.find(issuer);
      },
      sealKey: () => source.sealKey(),
    },
    register: (issuer) => change(issuer, {}),
    change: (issuer) => change(issuer, { policy: { ...a.policy, maxTokenLifetime: 60 } }),
    deactivate: (issuer) => change(issuer, { isActive: false }),
    rotateSealKey: () => registry.rotateSealKey(),
    settle: () => void (registry.time += 5_001),
    cutOff() {
      registry.failure = new Error("gone");
      registry.time += 5_001;
    },
    dispose: () => source.close(),
  };
});
