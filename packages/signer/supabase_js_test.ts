import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import { importSPKI, jwtVerify } from "jose";
import { generateIssuerKeyPair } from "./key/key_pair.ts";
import { createTokenSource } from "./token_source.ts";

const FUNCTIONS_URL = "https://prod-abc123.supabase.co/functions/v1";
const PUBLISHABLE_KEY = "sb_publishable_abc";

/** Stands in for the network: keeps what supabase-js sent. */
function recordingFetch(): { requests: Request[]; fetch: typeof fetch } {
  const requests: Request[] = [];
  return {
    requests,
    fetch: (input, init) => {
      requests.push(new Request(input, init));
      return Promise.resolve(Response.json([{ id: 1 }], { status: 201 }));
    },
  };
}

async function client(reuse: number) {
  const pair = await generateIssuerKeyPair({ algorithm: "ES256" });
  const accessToken = createTokenSource({
    privateKey: pair.privateKey,
    issuer: "my-service",
    audience: "prod-abc123",
    claims: { sub: "job-1", role: "widgets_writer" },
    reuse,
  });
  const { requests, fetch } = recordingFetch();
  const supabase = createClient(FUNCTIONS_URL, PUBLISHABLE_KEY, { accessToken, global: { fetch } });
  return { supabase, requests, publicKey: await importSPKI(pair.publicKey, "ES256") };
}

const bearer = (request: Request | undefined): string =>
  /^Bearer (.+)$/.exec(request?.headers.get("authorization") ?? "")?.[1] ?? "";

Deno.test("createTokenSource() plugs into supabase-js: every request carries a token of its own", async () => {
  const { supabase, requests, publicKey } = await client(0);
  const { data, error } = await supabase.from("widgets").insert({ name: "Widget A" }).select();
  assert.deepEqual([data, error], [[{ id: 1 }], null]);
  await supabase.from("widgets").select();
  const [write, read] = requests;
  assert.equal(write?.url.split("?")[0], `${FUNCTIONS_URL}/rest/v1/widgets`);
  assert.equal(write?.headers.get("apikey"), PUBLISHABLE_KEY);

  const { payload, protectedHeader } = await jwtVerify(bearer(write), publicKey, {
    algorithms: ["ES256"],
    issuer: "my-service",
    audience: "prod-abc123",
    subject: "job-1",
  });
  assert.equal(payload.role, "widgets_writer");
  assert.equal(typeof protectedHeader.kid, "string");
  await jwtVerify(bearer(read), publicKey);
  assert.notEqual(bearer(read), bearer(write));
});

Deno.test("createTokenSource() plugs into supabase-js: with reuse, requests carry one token", async () => {
  const { supabase, requests, publicKey } = await client(0.5);
  await Promise.all([supabase.from("widgets").select(), supabase.rpc("count_widgets")]);
  const [first, second] = requests.map(bearer);
  await jwtVerify(first ?? "", publicKey);
  assert.equal(first, second);
});
