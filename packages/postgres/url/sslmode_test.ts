import assert from "node:assert/strict";
import { certificateChecks, SSLMODE_NAMES, tlsMode } from "./sslmode.ts";

const ELSEWHERE = [
  "db",
  "db.example.com",
  "10.0.0.1",
  "localhost.example.com",
  "127.0.0.1.example.com",
  "127.0.0",
  "::2",
  "::ffff:10.0.0.1",
  "0.0.0.0",
  "tmp",
];

Deno.test("tlsMode() demands certificate and host name wherever the connection leaves the machine", () => {
  for (const host of ELSEWHERE) assert.equal(tlsMode(null, host), "certificate-and-host", host);
  for (const host of ["localhost", "LocalHost", "127.0.0.1", "127.8.9.10", "::1", "/tmp"]) {
    assert.equal(tlsMode(null, host), "off", host);
  }
});

Deno.test("tlsMode() never falls back to plaintext by itself", () => {
  const modes = SSLMODE_NAMES.map((name) => [name, tlsMode(name, "db.example.com")]);
  assert.deepEqual(Object.fromEntries(modes), {
    disable: "off",
    allow: "encrypted",
    prefer: "encrypted",
    require: "encrypted",
    "verify-ca": "certificate",
    "verify-full": "certificate-and-host",
  });
  // Also on this machine, where no mode at all would be plaintext.
  assert.equal(tlsMode("prefer", "localhost"), "encrypted");
});

Deno.test("tlsMode() knows no other mode, whatever its name inherits", () => {
  for (const name of ["", "off", "Disable", "disable ", "constructor", "__proto__"]) {
    assert.equal(tlsMode(name, "localhost"), undefined, name);
  }
});

Deno.test("certificateChecks() checks what the mode names, and the authority wherever one is given", () => {
  const checked = (tls: Parameters<typeof certificateChecks>[0], hasCa: boolean) => {
    const { rejectUnauthorized, checkServerIdentity } = certificateChecks(tls, hasCa);
    return [rejectUnauthorized, checkServerIdentity === undefined];
  };
  assert.deepEqual(checked("encrypted", false), [false, false]);
  assert.deepEqual(checked("encrypted", true), [true, false]);
  assert.deepEqual(checked("certificate", false), [true, false]);
  assert.deepEqual(checked("certificate-and-host", false), [true, true]);
  assert.deepEqual(checked("certificate-and-host", true), [true, true]);
});
