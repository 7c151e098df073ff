import assert from "node:assert/strict";
import {
  type DenoPostgresClient,
  type DenoPostgresPool,
  fromDenoPostgres,
} from "./from_deno_postgres.ts";

/**
 * A pool with the manners of deno-postgres 0.19: a client whose connection broke stays in it, one that
 * can't connect is lost to it, `connect` waits for ever once none is left, and only an ended pool is made
 * anew.
 */
class FakePool implements DenoPostgresPool {
  readonly size: number;
  readonly log: string[] = [];
  state: "up" | "down" | "silent" = "up";
  /** Answers what was asked last while it was silent. */
  answer = (): void => {};
  #clients: FakeClient[] | undefined;

  constructor(size: number) {
    this.size = size;
  }

  async connect(): Promise<DenoPostgresClient> {
    this.#clients ??= Array.from({ length: this.size }, () => new FakeClient(this));
    const client = this.#clients.pop();
    if (client === undefined) return await new Promise(() => {});
    await client.connect();
    return client;
  }

  takeBack(client: FakeClient): void {
    this.#clients!.push(client);
  }

  async end(): Promise<void> {
    this.log.push("end");
    for (let client; (client = this.#clients?.pop()) !== undefined;) {
      await client.connect();
      await client.end();
    }
    this.#clients = undefined;
  }
}

class FakeClient implements DenoPostgresClient {
  readonly #pool: FakePool;
  #isConnected = false;
  #isBroken = false;

  constructor(pool: FakePool) {
    this.#pool = pool;
  }

  connect(): Promise<void> {
    if (this.#isConnected) return Promise.resolve();
    if (this.#pool.state === "down") return Promise.reject(new Error("Connection refused"));
    this.#isConnected = true;
    return Promise.resolve();
  }

  queryObject({ text, args }: { text: string; args: unknown[] }) {
    this.#pool.log.push(`${text} ${JSON.stringify(args)}`);
    const answer = { rows: [{ version: "1" }] };
    if (this.#pool.state === "silent") {
      return new Promise<typeof answer>((resolve) => this.#pool.answer = () => resolve(answer));
    }
    this.#isBroken ||= this.#pool.state === "down";
    return this.#isBroken ? Promise.reject(new Error("Broken pipe")) : Promise.resolve(answer);
  }

  release(): void {
    this.#pool.log.push("release");
    this.#pool.takeBack(this);
  }

  end(): Promise<void> {
    this.#pool.log.push("hang up");
    return this.#isBroken ? Promise.reject(new Error("Broken pipe")) : Promise.resolve();
  }
}

Deno.test("fromDenoPostgres() borrows a client for each statement", async () => {
  const pool = new FakePool(1);
  const client = fromDenoPostgres(pool);
  assert.deepEqual(await client.query("select $1", ["a"]), [{ version: "1" }]);
  assert.deepEqual(await client.query("select $1", ["b"]), [{ version: "1" }]);
  assert.deepEqual(pool.log, ['select $1 ["a"]', "release", 'select $1 ["b"]', "release"]);
  assert.equal(client.listen, undefined);
});

for (const size of [1, 3]) {
  Deno.test(`fromDenoPostgres() with ${size} clients outlives any number of failures`, async () => {
    const pool = new FakePool(size);
    const client = fromDenoPostgres(pool);
    await client.query("select", []);
    pool.state = "down";
    for (let n = 0; n < 2 * size + 2; n++) {
      await assert.rejects(client.query("select", []), /Broken pipe|Connection refused/);
    }
    pool.state = "up";
    assert.deepEqual(await client.query("select", []), [{ version: "1" }]);
    assert.equal(pool.log.at(-1), "release");
  });
}

Deno.test("fromDenoPostgres() gives up a server that falls silent", async () => {
  const pool = new FakePool(1);
  const client = fromDenoPostgres(pool, { queryTimeout: 20 });
  pool.state = "silent";
  await assert.rejects(client.query("select", []), { code: "QUERY_TIMEOUT" });
  assert.ok(pool.log.includes("hang up"));
  pool.state = "up";
  assert.deepEqual(await client.query("select", []), [{ version: "1" }]);
});

Deno.test("fromDenoPostgres() gives no client back to a pool that was made anew meanwhile", async () => {
  const pool = new FakePool(2);
  const client = fromDenoPostgres(pool);
  pool.state = "silent";
  const slow = client.query("slow", []);
  while (!pool.log.includes("slow []")) await Promise.resolve();
  pool.state = "down";
  await assert.rejects(client.query("select", []), /Connection refused/);
  pool.answer();
  assert.deepEqual(await slow, [{ version: "1" }]);
  assert.deepEqual(pool.log, ["slow []", "end", "hang up"]);
});

Deno.test("fromDenoPostgres() is over once it was ended", async () => {
  const pool = new FakePool(1);
  const client = fromDenoPostgres(pool);
  await client.query("select", []);
  await client.end();
  await client.end();
  assert.equal(pool.log.filter((entry) => entry === "end").length, 1);
  await assert.rejects(client.query("select", []), /ended/);
});
