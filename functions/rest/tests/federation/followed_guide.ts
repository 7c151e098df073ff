/**
 * A how-to guide for a job without a key, followed: its SQL and its commands against a real target, and what it has the job
 * run. Only the platform is stood in for: a provider with its `iss` whose keys come from another URL.
 */
import assert from "node:assert/strict";
import { AUTHORITY } from "@countersign/fixture";
import {
  httpAnswer,
  makeProvider,
  type Provider,
  startTlsServer,
} from "@countersign/fixture/federation";
import { type Host, openStage, ownProcess, type Stage } from "@countersign/fixture/stage";

const ROOT = new URL("../../../..", import.meta.url).pathname.replace(/\/$/, "");

/** The target that the guides name. */
const TARGET = "https://prod-abc123.supabase.co";

/** The command as a reader has it, and `kubectl` as far as it prints the cluster's keys. */
const COMMANDS = `
countersign() { "$DENO" run -A --config "$ROOT/deno.json" "$ROOT/packages/cli/main.ts" "$@"; }
kubectl() { [ "$*" = "get --raw /openid/v1/jwks" ]; printf '%s' "$JWKS"; }
`;

/** A guide's text. */
export async function guide(name: string): Promise<string> {
  return await Deno.readTextFile(`${ROOT}/docs/how-to/${name}.md`);
}

/** The blocks of a guide in one language. */
export function blocks(markdown: string, language: string): string[] {
  return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))]
    .map(([, text]) => text ?? "");
}

/** The shell script in a block of YAML: the literal block that comes first. */
export function scriptIn(yaml: string): string {
  const [, indent = "", script = ""] = /^( *)(?:- )?(?:\w+: )?\|\n((?:\1 .*\n)+)/m.exec(yaml) ?? [];
  assert.notEqual(script, "", `no script: ${indent}`);
  return script;
}

/** Runs what a job or a reader runs. */
export async function run(
  script: string,
  env: Record<string, string>,
  cwd?: string,
): Promise<{ readonly success: boolean; readonly said: string }> {
  const { stdout, stderr, success } = await new Deno.Command("bash", {
    args: ["-euc", script],
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
    ...(cwd !== undefined && { cwd }),
  }).output();
  return { success, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

/** A guide that was followed up to the job. */
export interface FollowedGuide extends AsyncDisposable {
  readonly stage: Stage;
  /** The project's URL: its API, and the function below `/functions/v1`. */
  readonly target: string;
  /** Signs as the platform. */
  readonly provider: Provider;
  /** Where a job asks for its token. */
  readonly tokenUrl: string;
  /** What the job gets there. */
  serve(token: () => string): void;
  /** Runs a reader's commands in a folder, with the guide's target replaced by this one. */
  sh(commands: string): Promise<{ readonly success: boolean; readonly said: string }>;
  /** Writes a file into that folder. */
  write(file: string, text: string): Promise<void>;
}

/**
 * Follows a guide up to the job: the table, then each block of commands that adds a provider or a rule.
 *
 * @param issuer The `iss` of the platform's tokens.
 */
export async function followGuide(
  name: string,
  issuer: string,
  host: Host = ownProcess,
): Promise<FollowedGuide> {
  await using opened = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir();
  opened.defer(() => Deno.remove(folder, { recursive: true }));
  const certificate = `${folder}/authority.pem`;
  await Deno.writeTextFile(certificate, AUTHORITY);
  const provider = await makeProvider(issuer);
  const jwks = JSON.stringify({ keys: [provider.jwk] });
  let token = () => "";
  const platform = opened.use(
    startTlsServer((path) =>
      httpAnswer(path === "/jwks" ? jwks : JSON.stringify({ value: token() }))
    ),
  );
  const markdown = await guide(name);
  const [table = ""] = blocks(await guide("write-from-github-actions"), "sql");
  const role = /`(select countersign\.create_writer_role\([^`]*)`/.exec(markdown)?.[1];
  const stage = opened.use(
    await openStage(host, {
      env: { DENO_CERT: certificate },
      sql: [table, ...role === undefined ? [] : [role]],
    }),
  );
  const project = serveProject(stage);
  opened.defer(() => project.shutdown());
  const target = `http://127.0.0.1:${project.addr.port}`;
  const sh = (commands: string) =>
    run(COMMANDS + commands.replaceAll(TARGET, target), {
      ...{ ROOT, DENO: Deno.execPath(), JWKS: jwks },
      SUPABASE_URL: target,
      SUPABASE_SERVICE_ROLE_KEY: stage.target.secretKey,
    }, folder);

  const commands = blocks(markdown, "sh")
    .filter((block) => /countersign (provider|rule) add/.test(block));
  assert.ok(commands.length > 0, `the guide ${name} adds a provider`);
  for (const block of commands) {
    const { success, said } = await sh(block);
    assert.ok(success, `${block}\n${said}`);
  }
  // The stand-in: the rest of the row is as the guide's command wrote it.
  await stage.sql`
    update public.jwt_oidc_providers
    set keys_from = 'jwks_uri', jwks_uri = ${`${platform.origin}/jwks`}, allow_private = true
    where keys_from = 'discovery'`;
  await stage.sql`select countersign.guard_enable()`;
  await stage.target.reloadSchema();
  const all = opened.move();
  return {
    stage,
    target,
    provider,
    tokenUrl: `${platform.origin}/token?api-version=2.0`,
    serve: (next) => void (token = next),
    sh,
    write: (file, text) => Deno.writeTextFile(`${folder}/${file}`, text),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** A project has one URL. */
function serveProject(stage: Stage): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, search } = new URL(request.url);
    const origin = pathname.startsWith("/functions/") ? stage.function.origin : stage.target.url;
    const { method, headers, body } = request;
    return fetch(origin + pathname + search, { method, headers, body, redirect: "manual" });
  });
}
