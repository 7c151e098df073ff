import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import { enableGuard, registerPublicKey } from "@countersign/registry-admin";
import { generateIssuerKeyPair } from "@countersign/signer";
import { createJwtSwapProxy, proxyOptionsFromEnv } from "@countersign/swap-proxy";
import assert from "node:assert/strict";
import postgres from "postgres";
import { cli, type World } from "../test_cli.ts";
import type { Finding } from "./finding.ts";

/** What the platform runs for every request to the function. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** A healthy target, and what its function is right now. */
export interface DoctorStage extends AsyncDisposable {
  readonly target: LocalTarget;
  readonly sql: postgres.Sql;
  /** Everything that a doctor can be given. */
  readonly env: Readonly<Record<string, string>>;
  /** Deploys our function with other variables, or another clock, until it is disposed of. */
  deploy(changes?: Readonly<Record<string, string>>, now?: () => number): AsyncDisposable;
  /** Puts something around the function that is deployed. */
  wrap(around: (request: Request, inner: Handler) => Response | Promise<Response>): Disposable;
}

/** Starts a target with the guard on, one issuer with a key and a role, and a table that the role may write. */
export async function openDoctorStage(): Promise<DoctorStage> {
  await using opened = new AsyncDisposableStack();
  let handler: Handler = () => new Response(null, { status: 503 });
  const target = opened.use(
    await startLocalTarget({
      functionHandler: (request) => handler(request),
      sql: [
        "select countersign.create_writer_role('notes_writer')",
        "create table public.notes (text text)",
        "alter table public.notes enable row level security",
        "grant insert on public.notes to notes_writer",
      ],
    }),
  );
  const sql = postgres(target.databaseUrl, { prepare: false, max: 1, onnotice: () => {} });
  opened.defer(() => sql.end());
  await enableGuard({ sql });
  await registerIssuer(sql, "clerk");

  const variables = {
    SUPABASE_URL: target.url,
    SUPABASE_DB_URL: target.databaseUrl,
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: target.publishableKey }),
    COUNTERSIGN_JWT_SECRET: target.jwtSecret,
  };
  const deploy: DoctorStage["deploy"] = (changes = {}, now = Date.now) => {
    const before = handler;
    const options = proxyOptionsFromEnv({ ...variables, ...changes });
    handler = createJwtSwapProxy({ ...options, now, onEvent: () => {} });
    return {
      async [Symbol.asyncDispose]() {
        handler = before;
        await options.close();
      },
    };
  };
  opened.use(deploy());

  const all = opened.move();
  return {
    target,
    sql,
    env: {
      SUPABASE_URL: target.url,
      SUPABASE_PUBLISHABLE_KEY: target.publishableKey,
      COUNTERSIGN_DATABASE_URL: target.databaseUrl,
    },
    deploy,
    wrap(around) {
      const inner = handler;
      handler = (request) => around(request, inner);
      return { [Symbol.dispose]: () => handler = inner };
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Registers an issuer with a key of its own. */
export async function registerIssuer(
  sql: postgres.Sql,
  issuer: string,
  more: { roles?: string[]; singleUse?: boolean; notBefore?: number; notAfter?: number } = {},
): Promise<string> {
  const { publicKey, kid } = await generateIssuerKeyPair({ algorithm: "ES256" });
  await registerPublicKey({ sql, issuer, publicKey, roles: ["notes_writer"], ...more });
  return kid;
}

/** What a doctor says: each finding that is not ok, by the name of its check. */
export interface Diagnosis {
  readonly code: number;
  readonly findings: readonly (Finding & { check: string })[];
  /** `check: outcome` of whatever is not ok. */
  readonly complaints: readonly string[];
  /** All that was printed. */
  readonly printed: string;
}

export async function diagnose(
  env: Readonly<Record<string, string>>,
  world: World = {},
  args: readonly string[] = [],
): Promise<Diagnosis> {
  const { code, stdout, stderr } = await cli(["doctor", "--json", ...args], {
    fetch,
    ...world,
    env,
  });
  assert.equal(stderr, "");
  const { findings, problems } = JSON.parse(stdout);
  assert.equal(code, problems > 0 ? 1 : 0);
  for (const { outcome, fix } of findings) {
    assert.equal(fix !== undefined, outcome === "warning" || outcome === "problem");
  }
  return {
    code,
    findings,
    complaints: findings.filter(({ outcome }: Finding) => outcome !== "ok")
      .map(({ check, outcome }: { check: string; outcome: string }) => `${check}: ${outcome}`),
    printed: stdout,
  };
}

/** Checks what one check complains of. */
export function assertSays(
  { findings }: Diagnosis,
  check: string,
  message: RegExp,
  fix?: RegExp,
): void {
  const found = findings.filter((finding) => finding.check === check && finding.outcome !== "ok");
  assert(found.some((finding) => message.test(finding.message)), JSON.stringify(found));
  if (fix !== undefined) {
    assert(found.some((finding) => fix.test(finding.fix ?? "")), JSON.stringify(found));
  }
}
