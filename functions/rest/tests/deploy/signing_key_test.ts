/**
 * The commands of docs/how-to/use-supabase-signing-keys.md, as they stand there, with the real
 * Supabase CLI: at no moment has the function a configuration with which it would not start.
 */
import { proxyOptionsFromEnv } from "@countersign/swap-proxy";
import assert from "node:assert/strict";
import { serveManagementApi } from "./management_api.ts";
import { CLI_ENV, SUPABASE_CLI } from "./supabase_cli.ts";

const DOCUMENT = new URL(
  "../../../../docs/how-to/use-supabase-signing-keys.md",
  import.meta.url,
);
const PLATFORM = {
  SUPABASE_URL: "https://prod-abc123.supabase.co",
  SUPABASE_DB_URL: "postgres://postgres:postgres@127.0.0.1:9/postgres",
  SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_x"}',
};

/** What a worker that starts with these secrets puts into the header of a downstream token. */
async function downstreamHeader(secrets: ReadonlyMap<string, string>): Promise<unknown> {
  const options = proxyOptionsFromEnv({ ...PLATFORM, ...Object.fromEntries(secrets) });
  try {
    const token = await options.signer?.sign({}) ?? "";
    return JSON.parse(atob(token.split(".")[0]!.replaceAll("-", "+").replaceAll("_", "/")));
  } finally {
    await options.close();
  }
}

for (const algorithm of ["ES256", "RS256"]) {
  Deno.test(`the commands for a signing key, ${algorithm}: every configuration on the way works`, async () => {
    await using cleanup = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir();
    cleanup.defer(() => Deno.remove(folder, { recursive: true }));
    const secrets = new Map([["COUNTERSIGN_JWT_SECRET", "x".repeat(40)]]);
    const headers = [await downstreamHeader(secrets)];
    const changed = async (status: number) => {
      headers.push(await downstreamHeader(secrets));
      return Response.json({}, { status });
    };
    const api = cleanup.use(
      await serveManagementApi({
        "POST /secrets": async (request) => {
          const given: { name: string; value: string }[] = await request.json();
          for (const { name, value } of given) secrets.set(name, value);
          return await changed(201);
        },
        "DELETE /secrets": async (request) => {
          for (const name of await request.json()) secrets.delete(name);
          return await changed(200);
        },
      }),
    );

    const document = await Deno.readTextFile(DOCUMENT);
    const commands = [...document.matchAll(/```sh\n(.*?)```/gs)].map(([, text]) => text!)
      .filter((text) => text.includes("supabase ")).join("")
      .replace("--algorithm ES256", `--algorithm ${algorithm}`);
    const script = `supabase() {
      local to=(); [ "$1" = gen ] || to=(${api.flags.join(" ")})
      npx -y ${SUPABASE_CLI} "$@" "\${to[@]}"
    }
    ${commands}`;
    const { success, stdout, stderr } = await new Deno.Command("bash", {
      args: ["-euc", script],
      cwd: folder,
      env: { ...api.env, ...CLI_ENV, SUPABASE_HOME: `${folder}/home` },
      stdin: "null",
    }).output();
    const printed = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assert.ok(success, printed);

    const key = JSON.parse(await Deno.readTextFile(`${folder}/signing-key.json`));
    const header = { alg: algorithm, typ: "JWT", kid: key.kid };
    assert.deepEqual(headers, [{ alg: "HS256", typ: "JWT" }, header, header]);
    assert.deepEqual([...secrets.keys()], ["COUNTERSIGN_SIGNING_JWK"]);
    assert.match(key.kid, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);

    assert.ok(!printed.includes(key.d));
    for (const name of ["signing-key.json", "signing-key.env"]) {
      assert.equal((await Deno.stat(`${folder}/${name}`)).mode! & 0o777, 0o600);
    }
  });
}
