import assert from "node:assert/strict";
import { RefusedPassword } from "./refused_password.ts";

/** A server that refuses the password, and a clock that the test moves. */
class Server {
  time = 0;
  tried = 0;
  readonly gate = new RefusedPassword(() => this.time);

  /** Connects if it may, and is refused. */
  attempt(): unknown {
    try {
      this.gate.mayConnect();
    } catch (error) {
      return error;
    }
    this.tried++;
    return this.gate.failed(Object.assign(new Error("wrong"), { code: "28P01" }));
  }

  /** Ten attempts a second. */
  pass(seconds: number): void {
    const end = this.time + seconds * 1_000;
    for (; this.time < end; this.time += 100) this.attempt();
  }
}

Deno.test("RefusedPassword tries again after two seconds, and then every ten minutes", () => {
  const server = new Server();
  server.pass(1.9);
  assert.equal(server.tried, 1);
  server.pass(0.5);
  assert.equal(server.tried, 2);
  server.pass(595);
  assert.equal(server.tried, 2);
  server.pass(70);
  assert.equal(server.tried, 3);
  server.pass(530);
  assert.equal(server.tried, 3);
});

Deno.test("RefusedPassword lets a connection pass at once after one was opened, and counts afresh", () => {
  const server = new Server();
  server.pass(10);
  assert.throws(() => server.gate.mayConnect(), { code: "28P01" });
  server.gate.accepted();
  server.gate.mayConnect();
  server.pass(1.9);
  assert.equal(server.tried, 3);
  server.pass(0.5);
  assert.equal(server.tried, 4);
});

Deno.test("RefusedPassword counts one refusal once, however many statements shared the connection", () => {
  const { gate } = new Server();
  const refusal = Object.assign(new Error("wrong"), { code: "28P01" });
  for (let shared = 0; shared < 3; shared++) assert.equal(gate.failed(refusal), refusal);
  const retryAfter: unknown = Reflect.get(refusal, "retryAfter");
  assert.ok(typeof retryAfter === "number" && retryAfter >= 2_000 && retryAfter <= 2_200);
});

Deno.test("RefusedPassword says how long is left until the next attempt", () => {
  const server = new Server();
  server.attempt();
  server.time = 1_500;
  const retryAfter: unknown = Reflect.get(server.attempt() as Error, "retryAfter");
  assert.ok(typeof retryAfter === "number" && retryAfter >= 500 && retryAfter <= 700);
});

Deno.test("RefusedPassword holds nothing back for another failure", () => {
  const { gate } = new Server();
  const outage = Object.assign(new Error("closed"), { code: "CONNECTION_CLOSED" });
  assert.equal(gate.failed(outage), outage);
  assert.equal(gate.failed("not an error"), "not an error");
  gate.mayConnect();
});
