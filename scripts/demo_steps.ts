/**
 * The main job of Countersign, step by step. Every step throws unless it did what its title says.
 */
import { createPublicKey } from "node:crypto";
import type { LocalTarget } from "@countersign/local-target";
import {
  applyMigrations,
  MIGRATIONS,
  registerPublicKey,
  rotateKey,
} from "@countersign/registry-admin";
import { createTokenSource, generateIssuerKeyPair, signMultiIssuerJwt } from "@countersign/signer";
import { connectPostgres, hs256Signer, type PostgresClient } from "@countersign/swap-proxy";
import { DemoFailure, step, table } from "./demo_report.ts";
import { type Answer, ask, DemoService, expect } from "./demo_service.ts";

/** What the project's owner writes: one table, two roles, and rows that belong to their issuer. */
const SCHEMA = [
  `create table public.widgets (
    id bigint generated always as identity primary key,
    name text not null,
    owner_issuer text not null default countersign.issuer()
  )`,
  `alter table public.widgets enable row level security`,
  `create policy widgets_of_their_issuer on public.widgets to authenticated
    using (countersign.is_issuer(owner_issuer)) with check (countersign.is_issuer(owner_issuer))`,
  `select countersign.create_writer_role('warehouse_writer')`,
  `select countersign.create_writer_role('billing_writer')`,
  `grant select, insert on public.widgets to warehouse_writer, billing_writer`,
];

/** How long a change of the registry may take to be seen everywhere. */
const MOST_STALENESS_MS = 5_000;

/** Stands in for GitHub: the target knows its public key, and the job never sees the private one. */
const PLATFORM = "https://ci.example.com";

export interface DemoServices {
  readonly warehouse: DemoService;
  readonly billing: DemoService;
}

/** Everything after the target is up. */
export async function mainJob(target: LocalTarget): Promise<DemoServices> {
  const { databaseUrl } = target;
  const database = connectPostgres(databaseUrl);
  try {
    await step("Apply supabase/migrations", async () => {
      await applyMigrations(databaseUrl);
      return [`${MIGRATIONS.length} files, as the hosted "postgres", which is no superuser`];
    });
    await step("Create a table whose rows belong to their issuer, and two roles", async () => {
      for (const statement of SCHEMA) await database.query(statement, []);
      await target.reloadSchema();
      return [];
    });
    const services = await twoServices(databaseUrl);
    await writeAndRead(target, services);
    await refusals(target, database, services);
    const warehouse = await rotation(target, services.warehouse);
    await forgery(target, database, warehouse);
    await pastTheFunction(target, database, warehouse);
    await jobWithoutAKey(target, database);
    return services;
  } finally {
    await database.end();
  }
}

async function twoServices(databaseUrl: string): Promise<DemoServices> {
  const warehouse = await DemoService.create("warehouse", "warehouse_writer");
  const billing = await DemoService.create("billing", "billing_writer");
  await step("Register the public keys of two issuers, each with its own role", async () => {
    const rows = [];
    for (const { name, role, publicKey } of [warehouse, billing]) {
      const { kid, algorithm } = await registerPublicKey({
        databaseUrl,
        issuer: name,
        publicKey,
        roles: [role],
      });
      rows.push([name, role, algorithm, `kid ${kid.slice(0, 12)}…`]);
    }
    return table(rows);
  });
  return { warehouse, billing };
}

async function writeAndRead(target: LocalTarget, services: DemoServices): Promise<void> {
  const { url, functionsUrl } = target;
  await step("Each writes a row through the function and reads it back", async () => {
    const rows = [];
    for (const service of [services.warehouse, services.billing]) {
      const written = await ask(functionsUrl, "widgets", await service.token(url), {
        name: `made by ${service.name}`,
      });
      const read = await ask(
        functionsUrl,
        "widgets?select=name,owner_issuer",
        await service.token(url),
      );
      const seen = JSON.stringify(read.rows);
      const wanted = JSON.stringify([{
        name: `made by ${service.name}`,
        owner_issuer: service.name,
      }]);
      if (seen !== wanted) throw new DemoFailure(`${service.name} read ${seen}, not ${wanted}`);
      rows.push([
        service.name,
        `POST ${expect("writing a row", written, "201")}`,
        `GET ${expect("reading it back", read, "200")}`,
        "sees its own row, and only that",
      ]);
    }
    return table(rows);
  });
}

async function refusals(
  target: LocalTarget,
  database: PostgresClient,
  { warehouse, billing }: DemoServices,
): Promise<void> {
  const { url, functionsUrl } = target;
  const write = (token: string, row: Record<string, unknown> = {}): Promise<Answer> =>
    ask(functionsUrl, "widgets", token, { name: "should not be here", ...row });

  await step("Try five attacks: each is rejected", async () => {
    const nobody = await DemoService.create("nobody", warehouse.role);
    const good = await billing.token(url);
    const [header, payload, signature = ""] = good.split(".");
    // The first character, because the last one holds bits that are not part of the signature.
    const tampered = `${header}.${payload}.${signature.startsWith("A") ? "B" : "A"}${
      signature.slice(1)
    }`;
    const revoked = await revocation(database, billing, write, good);
    const attacks: [what: string, by: string, answer: Answer, expected: string][] = [
      [
        "a row in another issuer's name",
        "Row Level Security",
        await write(await warehouse.token(url), { owner_issuer: billing.name }),
        "403 42501",
      ],
      [
        "another issuer's role",
        "the issuer's policy",
        await write(await warehouse.token(url, { role: billing.role })),
        "403 role_not_allowed",
      ],
      [
        "an unknown issuer",
        "the registry",
        await write(await nobody.token(url)),
        "401 token_refused",
      ],
      ["a tampered token", "its signature", await write(tampered), "401 token_refused"],
      ["a revoked issuer", `one UPDATE, ${revoked.took} ago`, revoked.answer, "401 token_refused"],
    ];
    const rows = attacks.map((
      [what, by, answer, expected],
    ) => [what, expect(what, answer, expected), by]);
    const left = await database.query(
      "select from public.widgets where name = 'should not be here'",
      [],
    );
    if (left.length > 0) {
      throw new DemoFailure(`${left.length} refused rows were written after all`);
    }
    return table(rows);
  });
}

/** Revokes the issuer's key; returns the first refusal and how long it took to come. */
async function revocation(
  database: PostgresClient,
  issuer: DemoService,
  write: (token: string) => Promise<Answer>,
  token: string,
): Promise<{ answer: Answer; took: string }> {
  await database.query("update public.jwt_public_keys set is_active = false where issuer = $1", [
    issuer.name,
  ]);
  const committed = performance.now();
  for (;;) {
    const answer = await write(token);
    const took = performance.now() - committed;
    if (answer.status === 401) return { answer, took: `${took.toFixed(0)} ms` };
    // The proxy's memory may be that old; the guard closes this gap where it is turned on.
    await database.query("delete from public.widgets where name = 'should not be here'", []);
    if (took > MOST_STALENESS_MS) throw new DemoFailure("A revoked issuer still writes after 5 s");
  }
}

async function rotation(target: LocalTarget, before: DemoService): Promise<DemoService> {
  const { url, functionsUrl, databaseUrl } = target;
  const after = await before.withNewKey();
  await step("Rotate a key without renaming the issuer; both work during the overlap", async () => {
    await rotateKey({
      databaseUrl,
      issuer: before.name,
      publicKey: after.publicKey,
      overlap: 3600,
    });
    const rows = [];
    for (const [age, service] of [["old", before], ["new", after]] as const) {
      const answer = await newKeyIsKnown(async () =>
        await ask(functionsUrl, "widgets", await service.token(url), { name: `${age} key` })
      );
      rows.push([`${age} key`, `kid ${service.kid.slice(0, 12)}…`, expect(age, answer, "201")]);
    }
    const { rows: seen } = await ask(functionsUrl, "widgets?select=name", await after.token(url));
    if (seen.length !== 3) throw new DemoFailure(`The new key sees ${seen.length} rows, not all 3`);
    return [...table(rows), `still "${before.name}": the new key sees what the old one wrote`];
  });
  return after;
}

/** A holder of another key that PostgREST trusts signs what it likes. Here that key is the project's own secret. */
async function forgery(
  target: LocalTarget,
  database: PostgresClient,
  service: DemoService,
): Promise<void> {
  const { url, functionsUrl } = target;
  const { name, role, kid } = service;
  await step("Enable the guard: only what the proxy has sealed counts as an issuer's", async () => {
    const iat = Math.floor(Date.now() / 1000);
    const mark = { iss: name, role, exp: iat + 60, countersign: { kid, iat } };
    const forged = await hs256Signer(target.jwtSecret).sign(mark);
    const write = () => ask(url, "widgets", forged, { name: "forged" }, target.publishableKey);
    const before = await write();
    await database.query("select countersign.guard_enable()", []);
    const after = await untilRefused(write);
    await database.query("delete from public.widgets where name = 'forged'", []);
    const honest = await ask(functionsUrl, "widgets", await service.token(url), { name: "sealed" });
    return table([
      ["forged past the proxy", "guard off", expect("before", before, "201")],
      ["the same", "guard on", expect("after", after, "401 token_refused")],
      ["through the proxy", "guard on", expect("the proxy's", honest, "201")],
    ]);
  });
}

/** One exchange, and then PostgREST without the function, until the issuer is deactivated. */
async function pastTheFunction(
  target: LocalTarget,
  database: PostgresClient,
  service: DemoService,
): Promise<void> {
  const { url, functionsUrl, publishableKey } = target;
  await step("Exchange a token once, and write past the function", async () => {
    const set = async (column: string) =>
      await database.query(`update public.jwt_issuers set ${column} where issuer = $1`, [
        service.name,
      ]);
    await set("max_exchange_lifetime = '10 minutes'");
    const accessToken = createTokenSource({
      oidc: () => service.token(url),
      exchange: `${functionsUrl}/rest`,
    });
    const exchanged = await exchangeIsKnown(accessToken);
    const write = () => ask(url, "widgets", exchanged, { name: "direct" }, publishableKey);
    const written = await write();
    await set("is_active = false");
    const revoked = await write();
    await set("is_active = true");
    return table([
      ["straight to PostgREST", expect("the direct write", written, "201")],
      ["deactivated", expect("the write afterwards", revoked, "401 token_refused")],
    ]);
  });
}

/** A change of the policy is known within seconds; the source itself asks seldom after a refusal. */
async function exchangeIsKnown(accessToken: () => Promise<string>): Promise<string> {
  const deadline = performance.now() + MOST_STALENESS_MS;
  for (;;) {
    try {
      return await accessToken();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** PostgREST reads its configuration again within a second. */
async function untilRefused(write: () => Promise<Answer>): Promise<Answer> {
  const deadline = performance.now() + 5_000;
  for (;;) {
    const answer = await write();
    if (answer.status !== 201 || performance.now() > deadline) return answer;
  }
}

/** A new key works within a second. */
async function newKeyIsKnown(write: () => Promise<Answer>): Promise<Answer> {
  const deadline = performance.now() + 1_000;
  for (;;) {
    const answer = await write();
    if (answer.status !== 401 || performance.now() > deadline) return answer;
  }
}

/** A job of the repository that the rule names writes, and a job of its fork does not. */
async function jobWithoutAKey(target: LocalTarget, database: PostgresClient): Promise<void> {
  const { url, functionsUrl } = target;
  const { privateKey, publicKey, kid, algorithm } = await generateIssuerKeyPair();
  const jwk = { ...createPublicKey(publicKey).export({ format: "jwk" }), kid, alg: algorithm };
  await step("Let a CI job write with the token of its platform: it has no key", async () => {
    await database.query(
      `insert into public.jwt_issuers (issuer, allowed_roles, default_role)
       values ('shop-ci', '{warehouse_writer}', 'warehouse_writer')`,
      [],
    );
    await database.query(
      `insert into public.jwt_oidc_providers (issuer, keys_from, jwks, algorithms)
       values ($1, 'jwks', $2::text::jsonb, array[$3])`,
      [PLATFORM, JSON.stringify({ keys: [jwk] }), algorithm],
    );
    await database.query(
      `insert into public.jwt_federation_rules (name, provider, issuer, audiences, conditions, subject)
       values ('shop', $1, 'shop-ci', array[$2], '{"repository_id": "74"}', 'ci:{repository_id}')`,
      [PLATFORM, url],
    );
    const job = async (repository: string, id: string): Promise<Answer> => {
      const claims = { sub: `repo:${repository}:ref:refs/heads/main`, repository_id: id };
      const token = await signMultiIssuerJwt({
        privateKey,
        issuer: PLATFORM,
        audience: url,
        claims,
      });
      return await ask(functionsUrl, "widgets", token, { name: `by ${repository}` });
    };
    const written = await ruleIsKnown(() => job("acme/shop", "74"));
    const fork = await job("evil/shop", "75");
    return table([
      ["acme/shop", expect("the job", written, "201"), "the rule names its repository_id"],
      [
        "its fork evil/shop",
        expect("the fork", fork, "403 rule_not_matched"),
        "another repository_id",
      ],
    ]);
  });
}

/** A new name works within seconds. */
async function ruleIsKnown(write: () => Promise<Answer>): Promise<Answer> {
  const deadline = performance.now() + MOST_STALENESS_MS;
  for (;;) {
    const answer = await write();
    if (answer.status === 201 || performance.now() > deadline) return answer;
  }
}
