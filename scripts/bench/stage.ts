/** A target with issuers, and the proxies in front of an upstream, each a process of its own. */
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import { registerPublicKey } from "@countersign/registry-admin";
import { type Algorithm, createTokenSource, generateIssuerKeyPair } from "@countersign/signer";
import { type SpawnedFunction, spawnServer } from "@countersign/fixture/stage";

export const ROLE = "bench_writer";
/** The one row that is asked for; below `/rest/v1` at the function. */
export const ROW = "/widgets?id=eq.1&select=id,name";

const SCHEMA = `
create table public.widgets (
  id bigint generated always as identity primary key,
  name text not null,
  owner_issuer text not null default countersign.issuer()
);
alter table public.widgets enable row level security;
select countersign.create_writer_role('${ROLE}');
grant select on public.widgets to ${ROLE};
create policy own on public.widgets to ${ROLE} using (countersign.is_issuer(owner_issuer));
insert into public.widgets (name, owner_issuer) values ('sprocket', 'warehouse');
`;

export interface BenchIssuer {
  readonly publicKey: string;
  readonly kid: string;
  /** A token that is new each time and lives for an hour. */
  readonly sign: () => Promise<string>;
}

export class BenchStage implements AsyncDisposable {
  readonly target: LocalTarget;
  readonly #opened: AsyncDisposableStack;

  private constructor(target: LocalTarget, opened: AsyncDisposableStack) {
    this.target = target;
    this.#opened = opened;
  }

  static async open(): Promise<BenchStage> {
    const opened = new AsyncDisposableStack();
    const target = opened.use(await startLocalTarget({ function: false, sql: [SCHEMA] }));
    return new BenchStage(target, opened);
  }

  /** Registers an issuer with a key. */
  async register(issuer: string, algorithm: Algorithm): Promise<BenchIssuer> {
    const { privateKey, publicKey, kid } = await generateIssuerKeyPair({ algorithm });
    await registerPublicKey({
      databaseUrl: this.target.databaseUrl,
      issuer,
      publicKey,
      algorithm,
      roles: [ROLE],
      maxTokenLifetime: 3_600,
    });
    const sign = createTokenSource({
      privateKey,
      algorithm,
      issuer,
      audience: this.target.url,
      claims: { sub: "press-1", role: ROLE },
      expiresIn: "1h",
    });
    return { publicKey, kid, sign };
  }

  /** Starts a script of the repository. */
  async start(
    script: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<SpawnedFunction> {
    return this.#opened.use(
      await spawnServer(Deno.execPath(), ["run", "-A", script, ...args], env),
    );
  }

  /** Starts the function, or a script that wraps it, in front of an upstream. */
  startFunction(
    upstreamUrl: string,
    script = "functions/rest/index.ts",
    env: Readonly<Record<string, string>> = {},
  ): Promise<SpawnedFunction> {
    return this.start(script, [], {
      SUPABASE_URL: this.target.url,
      SUPABASE_DB_URL: this.target.databaseUrl,
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: this.target.publishableKey }),
      COUNTERSIGN_JWT_SECRET: this.target.jwtSecret,
      COUNTERSIGN_UPSTREAM_URL: upstreamUrl,
      ...env,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }
}

/** Tokens made beforehand, each given out once. */
export async function supplyOf(sign: () => Promise<string>, count: number): Promise<() => string> {
  const tokens: string[] = [];
  while (tokens.length < count) {
    tokens.push(...await Promise.all(Array.from({ length: 64 }, sign)));
  }
  return () => {
    const token = tokens.pop();
    if (token === undefined) throw new Error("Expected enough tokens to have been made");
    return token;
  };
}
