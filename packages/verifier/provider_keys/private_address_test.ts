import assert from "node:assert/strict";
import { isAddress, isPrivateAddress, isPrivateHost } from "./private_address.ts";

/** As the URL parser spells the host of each of these. */
const PRIVATE = [
  "https://127.0.0.1/",
  "https://127.1/",
  "https://0x7f.0.0.1/",
  "https://2130706433/",
  "https://017700000001/",
  "https://0/",
  "https://10.1.2.3/",
  "https://100.64.0.1/",
  "https://169.254.169.254/",
  "https://172.31.255.255/",
  "https://192.168.0.1/",
  "https://198.19.0.1/",
  "https://224.0.0.1/",
  "https://255.255.255.255/",
  "https://[::]/",
  "https://[::1]/",
  "https://[::ffff:127.0.0.1]/",
  "https://[::ffff:7f00:1]/",
  "https://[::127.0.0.1]/",
  "https://[64:ff9b::10.0.0.1]/",
  "https://[2002:7f00:1::]/",
  "https://[fc00::1]/",
  "https://[fd12:3456::1]/",
  "https://[fe80::1]/",
  "https://[ff02::1]/",
  "https://[2001:db8::1]/",
  "https://localhost/",
  "https://LOCALHOST./",
  "https://a.localhost/",
  "https://kubernetes/",
  "https://kubernetes.default.svc.cluster.local/",
  "https://metadata.google.internal/",
  "https://printer.local/",
];
const PUBLIC = [
  "https://8.8.8.8/",
  "https://172.32.0.1/",
  "https://100.128.0.1/",
  "https://[2606:4700::1111]/",
  "https://[::ffff:8.8.8.8]/",
  "https://[2002:808:808::]/",
  "https://token.actions.githubusercontent.com/",
  "https://local.example.com/",
  "https://internal.example.com./",
  "https://localhost.example.com/",
];

Deno.test("isPrivateHost() knows every spelling of what is not on the public internet", () => {
  for (const url of PRIVATE) assert.ok(isPrivateHost(new URL(url).hostname), url);
  for (const url of PUBLIC) assert.ok(!isPrivateHost(new URL(url).hostname), url);
});

Deno.test("isPrivateAddress() takes what it cannot read for private", () => {
  for (
    const text of [
      "",
      "x",
      "1.2.3",
      "1.2.3.256",
      "1::2::3",
      ":::",
      "1:2:3:4:5:6:7",
      "g::1",
      "::1.2.3",
    ]
  ) assert.ok(isPrivateAddress(text), text);
  assert.ok(!isPrivateAddress("2606:4700:0:0:0:0:0:1111"));
  assert.ok(isAddress("1.2.3.4") && isAddress("[::1]") && !isAddress("example.com"));
});
