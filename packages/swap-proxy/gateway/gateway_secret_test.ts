import assert from "node:assert/strict";
import { createGatewayCheck } from "./gateway_secret.ts";

const SECRET = "0123456789abcdef0123456789ABCDEF";
const headers = (value: string) => new Headers({ "countersign-gateway": value });

Deno.test("createGatewayCheck() lets no one pass without a secret to show", () => {
  const check = createGatewayCheck(undefined);
  for (const given of [new Headers(), headers(""), headers(SECRET), headers("undefined")]) {
    assert.throws(() => check(given), { code: "path_not_found" });
  }
});

Deno.test("createGatewayCheck() takes the whole secret and nothing else", () => {
  const check = createGatewayCheck(SECRET);
  const attacks = [
    "",
    SECRET.slice(0, -1),
    `${SECRET}x`,
    `x${SECRET.slice(1)}`,
    SECRET.toLowerCase(),
    `${SECRET}, ${SECRET}`,
    `Bearer ${SECRET}`,
  ];
  for (const attack of attacks) {
    assert.throws(() => check(headers(attack)), { code: "gateway_not_allowed" }, attack);
  }
  assert.throws(() => check(new Headers({ authorization: SECRET })), {
    code: "gateway_not_allowed",
  });
  check(headers(SECRET));
});

Deno.test("createGatewayCheck() refuses a secret that is short or fits into no header", () => {
  for (const secret of ["", SECRET.slice(1), `${SECRET} x`, `${SECRET}\n`, `${SECRET}ä`]) {
    assert.throws(() => createGatewayCheck(secret), TypeError, secret);
  }
});
