import assert from "node:assert/strict";
import { RefusedPassword } from "./refused_password.ts";

/** A server that refuses the password, and a clock that the test moves. */
class Server {
  time = 0;
  asked = 0;
  tried = 0;
  isDown = false;
  salt: () => string | undefined;
  readonly gate: RefusedPassword;

  constructor(salt: () => string | undefined) {
    this.salt = salt;
    this.gate = new RefusedPassword(() => {
      this.asked++;
      return this.isDown ? Promise.reject(new Error("down")) : Promise.resolve(this.salt());
    }, () => this.time);
  }

  /** Connects if it may, and is refused. */
  async attempt(): Promise<unknown> {
    try {
      await this.gate.mayConnect();
    } catch (error) {
      return error;
    }
    this.tried++;
    const refusal = Object.assign(new Error("wrong"), { code: "28P01" });
    return this.gate.failed(refusal, this.salt());
  }

  /** Ten attempts a second. */
  async pass(seconds: number): Promise<void> {
    const end = this.time + seconds * 1_000;
    for (; this.time < end; this.time += 100) await this.attempt();
  }
}

Deno.test("RefusedPassword tries a password once while the server's stays the same", async () => {
  const server = new Server(() => "first");
  await server.pass(599);
  assert.equal(server.tried, 1);
  // Half a second apart at first, ten seconds in the end.
  assert.ok(server.asked > 60 && server.asked < 600, `asked ${server.asked} times`);
});

Deno.test("RefusedPassword tries at once when the server has another password", async () => {
  const server = new Server(() => "first");
  await server.pass(10);
  server.salt = () => "second";
  await server.pass(0.7);
  assert.equal(server.tried, 2);
  await server.pass(60); // And not again while that stays the same.
  assert.equal(server.tried, 2);
});

Deno.test("RefusedPassword makes nothing of a salt that is another one each time, or missing", async () => {
  let drawn = 0;
  for (const salt of [() => `salt ${drawn++}`, () => undefined]) {
    const server = new Server(salt);
    await server.pass(599);
    assert.ok(server.tried <= 2, `tried ${server.tried} times`);
  }
});

Deno.test("RefusedPassword tries once more where there is no salt, since a pooler may know by then", async () => {
  const server = new Server(() => undefined);
  await server.pass(1.5);
  assert.equal(server.tried, 1);
  await server.pass(1);
  assert.equal(server.tried, 2);
  await server.pass(590);
  assert.equal(server.tried, 2);
  await server.pass(100);
  assert.equal(server.tried, 3);
});

Deno.test("RefusedPassword lets everybody pass once a connection was opened", async () => {
  const server = new Server(() => "first");
  await server.attempt();
  await assert.rejects(server.gate.mayConnect());
  server.gate.accepted();
  await server.gate.mayConnect();
});

Deno.test("RefusedPassword says when to ask again, also to who shared the connection", () => {
  const { gate } = new Server(() => "first");
  const refusal = Object.assign(new Error("wrong"), { code: "28P01" });
  for (const told of [gate.failed(refusal, "first"), gate.failed(refusal, "first")]) {
    assert.equal(told, refusal);
  }
  const retryAfter: unknown = Reflect.get(refusal, "retryAfter");
  assert.ok(typeof retryAfter === "number" && retryAfter >= 250 && retryAfter <= 500);
});

Deno.test("RefusedPassword passes on what else goes wrong, and is asked again after it", async () => {
  const server = new Server(() => "first");
  const outage = Object.assign(new Error("closed"), { code: "CONNECTION_CLOSED" });
  assert.equal(server.gate.failed(outage, undefined), outage);
  await server.gate.mayConnect();
  await server.attempt();
  server.isDown = true;
  server.time += 500;
  await assert.rejects(server.gate.mayConnect(), /down/);
  server.isDown = false;
  server.salt = () => "second";
  server.time += 500;
  await server.gate.mayConnect();
});
