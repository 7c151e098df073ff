import assert from "node:assert/strict";
import { LocalTargetError } from "../errors.ts";
import { onFreePort } from "./free_port.ts";

const failure = (line: string) => new LocalTargetError("process_failed", "", { output: [line] });

Deno.test("onFreePort() tries another port when the first was lost, in each program's words", async () => {
  for (
    const line of [
      'could not bind IPv4 address "127.0.0.1": Address already in use',
      "postgrest: Network.Socket.bind: resource busy (Address in use)",
      "error: Uncaught (in promise) AddrInUse: Address already in use (os error 98)",
    ]
  ) {
    const ports: number[] = [];
    const port = await onFreePort((port) => {
      ports.push(port);
      return ports.length < 3 ? Promise.reject(failure(line)) : Promise.resolve(port);
    });
    assert.equal(ports.length, 3);
    assert.equal(port, ports[2]);
  }
});

Deno.test("onFreePort() gives up on the fifth, and at once on another failure", async () => {
  for (const [line, attempts] of [["Address already in use", 5], ["out of memory", 1]] as const) {
    let calls = 0;
    const error = failure(line);
    await assert.rejects(
      onFreePort(() => {
        calls++;
        return Promise.reject(error);
      }),
      error,
    );
    assert.equal(calls, attempts);
  }
});
