/** Clients that know OAuth and nothing of Countersign: two libraries from npm, unmodified, and curl as the how-to has it. */
import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { type Host, inProcess, type Stage } from "@countersign/fixture/stage";
import { openExchangeStage, sendDirect } from "./exchange_stage.ts";

const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TYPE = "urn:ietf:params:oauth:token-type:jwt";

/** The gateway of a target that has the function elsewhere: it forwards what is below `/functions/v1`. */
async function withGateway(use: (stage: Stage, url: string) => Promise<void>): Promise<void> {
  const gateway: { stage?: Stage } = {};
  await using stop = new AsyncDisposableStack();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname, search } = new URL(request.url);
    const { target, function: running } = gateway.stage!;
    const origin = pathname.startsWith("/functions/v1/") ? running.origin : target.url;
    const headers = new Headers(request.headers);
    headers.delete("host");
    return fetch(origin + pathname + search, {
      method: request.method,
      headers,
      body: request.body,
    });
  });
  stop.defer(() => server.shutdown());
  const url = `http://127.0.0.1:${server.addr.port}`;
  const host: Host = {
    name: "behind a gateway",
    start: (env) => inProcess.start({ ...env, COUNTERSIGN_PUBLIC_URL: `${url}/functions/v1/rest` }),
  };
  await using stage = await openExchangeStage(host);
  gateway.stage = stage;
  await use(stage, url);
}

Deno.test("OAuth libraries and curl exchange tokens, and are told what is wrong", async (t) => {
  await withGateway(async (stage, url) => {
    const issuer = new URL(`${url}/functions/v1/rest/-`);
    const metadata = new URL(`${issuer}/.well-known/oauth-authorization-server`);
    const writes = async (token: string) => (await sendDirect(stage, token)).status;
    const wrong = stage.warehouse.token({ claims: { iss: "nobody" } });

    await t.step("oauth4webapi", async () => {
      const server = await oauth.processDiscoveryResponse(issuer, await fetch(metadata));
      const client: oauth.Client = { client_id: "warehouse" };
      const options = { [oauth.allowInsecureRequests]: true };
      const ask = async (grant: string, parameters: Record<string, string>) =>
        await oauth.processGenericTokenEndpointResponse(
          server,
          client,
          await oauth.genericTokenEndpointRequest(
            server,
            client,
            oauth.None(),
            grant,
            parameters,
            options,
          ),
        );
      const exchanged = await ask(EXCHANGE, {
        subject_token: stage.warehouse.token(),
        subject_token_type: TYPE,
        scope: "widgets_writer",
      });
      assert.deepEqual([exchanged.token_type, exchanged.expires_in], ["bearer", 600]);
      assert.equal(await writes(exchanged.access_token), 201);
      const asserted = await ask(ASSERTION, { assertion: stage.warehouse.token() });
      assert.equal(await writes(asserted.access_token), 201);
      await assert.rejects(ask(ASSERTION, { assertion: wrong }), { error: "invalid_grant" });
    });

    await t.step("openid-client", async () => {
      const config = await openid.discovery(metadata, "warehouse", undefined, openid.None(), {
        execute: [openid.allowInsecureRequests],
      });
      const exchange = (subject_token: string) =>
        openid.genericGrantRequest(config, EXCHANGE, { subject_token, subject_token_type: TYPE });
      const { access_token } = await exchange(stage.warehouse.token());
      assert.equal(await writes(access_token), 201);
      await assert.rejects(exchange(wrong), { error: "invalid_request", status: 400 });
    });

    await t.step("curl, as the how-to has it", async () => {
      const path = new URL("../../../../docs/how-to/exchange-once.md", import.meta.url);
      const script = /```sh\n([\s\S]*?)```/.exec(await Deno.readTextFile(path))?.[1] ?? "";
      const run = (token: string) =>
        new Deno.Command("sh", {
          args: ["-ec", script],
          env: {
            SUPABASE_URL: url,
            PUBLISHABLE_KEY: stage.target.publishableKey,
            TOKEN: token,
            no_proxy: "*",
          },
        }).output();
      const refused = await run(wrong);
      assert.notEqual(refused.code, 0);
      const written = await run(stage.warehouse.token());
      assert.equal(written.code, 0, new TextDecoder().decode(written.stderr));
      const [row] = await stage.sql`
        select count(*)::int from public.widgets where name = 'written directly'`;
      assert.equal(row?.count, 1);
    });
  });
});
