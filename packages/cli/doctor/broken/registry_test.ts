import { applyMigrations } from "@countersign/registry-admin";
import { generateIssuerKeyPair } from "@countersign/signer";
import assert from "node:assert/strict";
import postgres from "postgres";
import { type Broken, brokenSetups } from "../../fixtures/broken.ts";
import { type DoctorStage, registerIssuer } from "../../fixtures/doctor_stage.ts";

const DAY = 86_400;
const inDays = (days: number) => Math.floor(Date.now() / 1000) + days * DAY;

/** Another issuer, which is gone afterwards. */
function issuer(
  more: Parameters<typeof registerIssuer>[2] = {},
  then: (stage: DoctorStage, kid: string) => Promise<unknown> = () => Promise.resolve(),
): NonNullable<Broken["prepare"]> {
  return async (stage) => {
    const kid = await registerIssuer(stage.sql, "billing", more);
    await then(stage, kid);
    return () => stage.sql`delete from public.jwt_issuers where issuer = 'billing'`;
  };
}

/** A column of the issuer that is set by hand. */
const column = (assignment: string) =>
  issuer(
    {},
    ({ sql }) => sql.unsafe(`update public.jwt_issuers set ${assignment} where issuer = 'billing'`),
  );

/** A role that becomes one that no issuer may have, and an issuer that has it. */
function role(
  change: string,
  undo = "",
  as: "sql" | "superuser" = "superuser",
): Pick<Broken, "prepare"> {
  return {
    prepare: async (stage) => {
      const { sql, superuser } = stage;
      await sql.unsafe("select countersign.create_writer_role('risky_writer')");
      await registerIssuer(sql, "billing", { roles: ["risky_writer"] });
      await stage[as].unsafe(change);
      return async () => {
        await sql`delete from public.jwt_issuers where issuer = 'billing'`;
        await superuser.unsafe(undo);
        await superuser.unsafe(
          `do $$ begin
             if exists (select from pg_roles where rolname = 'risky_writer') then
               execute 'drop owned by risky_writer; drop role risky_writer';
             end if;
           end $$`,
        );
      };
    },
  };
}

const onlyRest: NonNullable<Broken["env"]> = ({ target }) => ({
  COUNTERSIGN_ADMIN_DB_URL: null,
  SUPABASE_SERVICE_ROLE_KEY: target.serviceRoleKey,
});

/** A function of ours that is replaced, and put back. */
function replaced(name: string, body: string): NonNullable<Broken["prepare"]> {
  return async ({ sql }) => {
    const [found] = await sql<{ definition: string }[]>`
      select pg_get_functiondef(to_regprocedure(${name})) as definition`;
    assert(found !== undefined);
    await sql.unsafe(
      found.definition.replace(/\$function\$[\s\S]*\$function\$/, `$x$ ${body} $x$`),
    );
    return () => sql.unsafe(found.definition);
  };
}

/** A function that has not found out about the guard yet: it remembers that for half a minute. */
const fresh: NonNullable<Broken["prepare"]> = async ({ deploy, target }) => {
  await target.reloadSchema();
  const deployed = deploy();
  return async () => await deployed[Symbol.asyncDispose]();
};

brokenSetups("the registry", { complete: true }, [
  {
    what: "a view with another comment",
    sql: [
      "comment on view public.jwt_registry_holders is 'before'",
      "select 1",
    ],
    prepare: ({ sql }) => Promise.resolve(() => applyMigrations({ sql })),
    expect: ["migrations.schema_differs"],
    fix: /run the files again by hand, which is safe/,
  },
  {
    what: "a function of the registry that somebody changed",
    prepare: replaced("countersign.grow_revision()", "begin null; end"),
    expect: ["migrations.schema_differs"],
    fix: /supabase db push/,
  },
  {
    what: "a trigger of the registry that is disabled",
    superuser: [
      "alter table public.jwt_issuers disable trigger user",
      "alter table public.jwt_issuers enable trigger user",
    ],
    prepare: ({ sql }) => Promise.resolve(() => applyMigrations({ sql })),
    expect: ["migrations.schema_differs"],
    fix: /supabase db push/,
  },
  {
    what: "a guard that is off",
    sql: ["select countersign.guard_disable()", "select countersign.guard_enable()"],
    expect: ["guard.guard_off"],
    fix: /^countersign guard enable$/,
  },
  {
    what: "a guard that is off, without a database",
    sql: ["select countersign.guard_disable()", "select countersign.guard_enable()"],
    env: onlyRest,
    prepare: fresh,
    expect: ["guard.guard_off"],
    fix: /^countersign guard enable$/,
  },
  {
    what: "a guard that is off where tokens are for one use",
    sql: ["select countersign.guard_disable()", "select countersign.guard_enable()"],
    prepare: issuer({ singleUse: true }),
    expect: ["guard.guard_off_single_use"],
    fix: /^countersign guard enable$/,
  },
  {
    what: "a guard that somebody replaced",
    superuser: [
      "create function public.their_check() returns void language sql as ''; alter role authenticator set pgrst.db_pre_request = 'public.their_check'",
      "drop function public.their_check(); alter role authenticator set pgrst.db_pre_request = 'countersign.check_request'; notify pgrst, 'reload config'",
    ],
    expect: ["guard.guard_replaced"],
    fix: /calls public\.their_check after the guard/,
  },
  {
    what: "a guard that nobody may run",
    superuser: [
      "revoke execute on function countersign.check_request() from public",
      "grant execute on function countersign.check_request() to public",
    ],
    expect: ["guard.guard_denied"],
    fix: /grant execute on function countersign\.check_request\(\)/,
  },
  {
    what: "a private schema that nobody may enter",
    superuser: [
      "revoke usage on schema countersign from public",
      "grant usage on schema countersign to public",
    ],
    expect: ["guard.guard_denied"],
    fix: /grant usage on schema countersign to public/,
  },
  {
    what: "a registry without row level security",
    superuser: [
      "alter table public.jwt_issuers disable row level security",
      "alter table public.jwt_issuers enable row level security",
    ],
    expect: ["grants.registry_unprotected"],
    fix: /apply the migrations again/,
  },
  {
    what: "a registry whose owner passes its row level security",
    superuser: [
      "alter table public.jwt_public_keys no force row level security",
      "alter table public.jwt_public_keys force row level security",
    ],
    expect: ["grants.registry_unprotected"],
    fix: /apply the migrations again/,
  },
  {
    what: "a role whose statements end at once",
    superuser: [
      "alter role notes_writer set statement_timeout = '1ms'",
      "alter role notes_writer reset statement_timeout",
    ],
    expect: ["roles.short_timeout"],
    fix: /alter role notes_writer reset statement_timeout/,
  },
  {
    what: "every table of public granted to anon",
    superuser: [
      "grant select on all tables in schema public to anon",
      "revoke select on all tables in schema public from anon",
    ],
    expect: ["grants.registry_granted"],
    fix: /revoke all on each of them from anon, authenticated/,
  },
  {
    what: "the registry granted to users",
    superuser: [
      "grant all on public.jwt_public_keys to authenticated",
      "revoke all on public.jwt_public_keys from authenticated",
    ],
    expect: ["grants.registry_granted"],
    fix: /apply the migrations again/,
  },
  {
    what: "a service key that may not register",
    superuser: [
      "revoke insert on public.jwt_public_keys from service_role",
      "grant insert on public.jwt_public_keys to service_role",
    ],
    expect: ["grants.service_role_lacks"],
    fix: /apply the migrations again/,
  },
  {
    what: "a function that countersign_reader may call as any user",
    sql: [
      "create function public.my_rows() returns text security definer language sql as 'select auth.uid()::text'",
      "drop function public.my_rows()",
    ],
    superuser: ["alter role countersign_reader login", "alter role countersign_reader nologin"],
    expect: ["grants.reader_can_call", "functions.definer_function"],
    fix: /revoke execute on these functions from public/,
  },
  {
    what: "a transaction that somebody forgot",
    prepare: async ({ target }) => {
      const forgetful = postgres(target.databaseUrl, { max: 1, onnotice: () => {} });
      const held = await forgetful.reserve();
      await held.unsafe(
        "begin; update public.jwt_issuers set description = 'x' where issuer = 'clerk'",
      );
      await new Promise((resolve) => setTimeout(resolve, 3_500));
      return async () => {
        await held.unsafe("rollback");
        held.release();
        await forgetful.end();
      };
    },
    expect: ["sessions.change_held_up"],
    fix: /pg_terminate_backend\(\d+\)/,
  },
  {
    what: "a registry without an issuer",
    sql: [
      "create table public.kept as select * from public.jwt_issuers; create table public.kept_keys as select issuer, public_key, algorithm from public.jwt_public_keys; delete from public.jwt_issuers where issuer = 'clerk'",
      `insert into public.jwt_issuers select * from public.kept;
       insert into public.jwt_public_keys (issuer, public_key, algorithm) select * from public.kept_keys;
       drop table public.kept, public.kept_keys`,
    ],
    expect: ["issuers.no_issuer"],
    fix: /countersign keygen, then countersign register/,
  },
  {
    what: "an issuer without a role",
    prepare: issuer({ roles: [] }),
    expect: ["issuers.issuer_without_role"],
    fix: /policy set --issuer billing --role/,
  },
  {
    what: "an issuer without a role, over REST",
    env: onlyRest,
    prepare: issuer({ roles: [] }),
    expect: ["issuers.issuer_without_role"],
    fix: /policy set --issuer billing --role/,
  },
  {
    what: "an issuer that may use no subject",
    prepare: column("allowed_subjects = '{}'"),
    expect: ["issuers.issuer_without_subject"],
    fix: /--any-subject/,
  },
  {
    what: "an issuer whose cutoff is in the future",
    prepare: column("reject_issued_before = now() + interval '1 day'"),
    expect: ["issuers.issuer_cut_off"],
    fix: /--no-reject-issued-before/,
  },
  {
    what: "an issuer in observe mode",
    prepare: column("mode = 'observe'"),
    expect: ["issuers.issuer_observed"],
    fix: /--mode enforce/,
  },
  {
    what: "an issuer without a key",
    sql: [
      "insert into public.jwt_issuers (issuer, allowed_roles) values ('early', '{notes_writer}')",
      "delete from public.jwt_issuers where issuer = 'early'",
    ],
    expect: ["keys.key_missing"],
    fix: /countersign register --issuer early --public-key/,
  },
  {
    what: "an issuer whose only key was revoked",
    prepare: issuer(
      {},
      ({ sql }, kid) => sql`update public.jwt_public_keys set is_active = false where kid = ${kid}`,
    ),
    expect: ["keys.key_revoked"],
    fix: /countersign keygen/,
  },
  {
    what: "an issuer whose only key has expired",
    prepare: issuer({ notAfter: inDays(-1) }),
    expect: ["keys.key_expired"],
    fix: /countersign keygen/,
  },
  {
    what: "an issuer whose only key has not begun",
    prepare: issuer({ notBefore: inDays(5) }),
    expect: ["keys.key_not_begun"],
    fix: /--not-before now, with the file of the same key/,
  },
  {
    what: "an issuer whose only key expires in three days",
    prepare: issuer({ notAfter: inDays(3) }),
    expect: ["keys.key_expires"],
    fix: /countersign rotate --issuer billing/,
  },
  {
    what: "a gap between two keys",
    prepare: issuer(
      { notAfter: inDays(3) },
      ({ sql }) => registerIssuer(sql, "billing", { notBefore: inDays(4) }),
    ),
    expect: ["keys.key_expires"],
    fix: /countersign rotate/,
  },
  {
    what: "an issuer whose name needs quotes",
    prepare: async ({ sql }) => {
      const { publicKey } = await generateIssuerKeyPair({ algorithm: "ES256" });
      await sql`insert into public.jwt_public_keys (issuer, public_key, algorithm) values ('o''dd one', ${publicKey}, 'ES256')`;
      return () => sql`delete from public.jwt_issuers where issuer = 'o''dd one'`;
    },
    expect: ["issuers.issuer_without_role"],
    fix: /--issuer 'o'\\''dd one' --role/,
  },
  {
    what: "a role that is gone",
    ...role("drop owned by risky_writer; drop role risky_writer"),
    expect: ["roles.role_missing"],
    fix: /create_writer_role\('risky_writer'\)/,
  },
  {
    what: "a role that has BYPASSRLS now",
    ...role("alter role risky_writer bypassrls"),
    expect: ["roles.role_unsafe"],
    fix: /revoke that power/,
  },
  {
    what: "a role that has CREATEROLE now",
    ...role("alter role risky_writer createrole"),
    expect: ["roles.role_unsafe"],
    fix: /revoke that power/,
  },
  {
    what: "a role that is a superuser now",
    ...role("alter role risky_writer superuser"),
    expect: ["roles.role_unsafe"],
    fix: /revoke that power/,
  },
  {
    what: "a role that became a member of service_role",
    ...role("grant service_role to risky_writer"),
    expect: ["roles.role_unsafe"],
    fix: /membership/,
  },
  {
    what: "a role that owns a table with row level security",
    ...role(
      "create table public.theirs (a int); alter table public.theirs enable row level security; alter table public.theirs owner to risky_writer",
      "drop table public.theirs",
    ),
    expect: ["roles.role_unsafe"],
    fix: /another role/,
  },
  {
    what: "a role that is not granted to authenticator",
    ...role("revoke risky_writer from authenticator", "", "sql"),
    expect: ["roles.role_not_granted"],
    fix: /create_writer_role\('risky_writer'\)/,
  },
  {
    what: "a role to which policies for users do not apply",
    ...role("revoke authenticated from risky_writer", "", "sql"),
    expect: ["roles.role_not_authenticated"],
    fix: /create_writer_role\('risky_writer'\)/,
  },
  {
    what: "a role that is gone, over REST",
    ...role("drop owned by risky_writer; drop role risky_writer"),
    env: onlyRest,
    expect: ["roles.role_refused"],
    fix: /give --database-url to see why/,
  },
]);
