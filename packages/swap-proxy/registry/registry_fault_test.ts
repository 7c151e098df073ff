import { parsePostgresUrl, PostgresConnectionError } from "@countersign/postgres";
import { JwtVerificationError } from "@countersign/verifier";
import assert from "node:assert/strict";
import { registryFault } from "./registry_fault.ts";

/** As a key source's error reaches the observer. */
const unavailable = (cause: unknown) =>
  new JwtVerificationError("registry_unavailable", "The registry cannot be read", { cause });
const sqlstate = (code: string) =>
  unavailable(Object.assign(new Error('password "hunter2"'), { code }));

const FAULTS = [
  ["28P01", /COUNTERSIGN_DB_URL.*2 seconds.*10 minutes/],
  ["28000", /user in COUNTERSIGN_DB_URL/],
  ["3D000", /database does not exist/],
  ["42501", /connect as countersign_reader/],
  ["42P01", /apply Countersign's migrations/],
  ["3F000", /apply Countersign's migrations/],
] as const;
for (const [code, sentence] of FAULTS) {
  Deno.test(`registryFault() says what to correct after ${code}, and nothing that the server said`, () => {
    const fault = registryFault(sqlstate(code)) ?? "";
    assert.match(fault, sentence);
    assert.ok(!fault.includes("hunter2"));
  });
}

Deno.test("registryFault() hands on the sentence of a connection that can't be", () => {
  const codes = [
    "TLS_NOT_OFFERED",
    "NOT_POSTGRES",
    "CERTIFICATE_NOT_TRUSTED",
    "CERTIFICATE_HOST_MISMATCH",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_INVALID",
  ] as const;
  for (const code of codes) {
    const error = new PostgresConnectionError(code, `what to do about ${code}`);
    assert.equal(registryFault(unavailable(error)), error.message);
  }
});

Deno.test("registryFault() finds no fault in an outage, nor in what is none of the registry's", () => {
  for (const code of ["CONNECTION_CLOSED", "QUERY_TIMEOUT", "CONNECT_TIMEOUT"] as const) {
    assert.equal(registryFault(unavailable(new PostgresConnectionError(code, "later"))), undefined);
  }
  for (const code of ["57P03", "ECONNREFUSED", "53300", "constructor"]) {
    assert.equal(registryFault(sqlstate(code)), undefined, code);
  }
  for (const thrown of [undefined, "28P01", new Error("28P01")]) {
    assert.equal(registryFault(thrown), undefined);
  }
});

Deno.test("registryFault() ends where causes go in a circle", () => {
  const [one, other] = [new Error("a"), new Error("b")];
  one.cause = other;
  other.cause = one;
  assert.equal(registryFault(one), undefined);
});

Deno.test("registryFault() tells no password of a URL that can't be used", () => {
  assert.throws(() => parsePostgresUrl("postgres://u:hunter2@h/db?sslmode=no"), (error) => {
    return !(registryFault(error) ?? "").includes("hunter2");
  });
});
