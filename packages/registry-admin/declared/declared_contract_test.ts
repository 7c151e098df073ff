import assert from "node:assert/strict";
import {
  applyDeclaration,
  type ApplyOptions,
  deactivateIssuer,
  exportRegistry,
  listIssuers,
  planDeclaration,
  planMigration,
  type PlanOptions,
  readDeclaration,
  type RegistryPlan,
  type RegistryTarget,
  revokeKey,
} from "../mod.ts";
import { eachWay, newKey, refused, register, sql, withTarget } from "../fixtures/every_way.ts";

withTarget();

const ALLOWED: ApplyOptions = { allowLoosening: true };

async function plan(target: RegistryTarget, text: string, options?: PlanOptions) {
  return await planDeclaration(target, await readDeclaration(text), options);
}

async function apply(target: RegistryTarget, text: string, options?: ApplyOptions) {
  return await applyDeclaration(target, await readDeclaration(text), options);
}

function table(issuer: string, members: string, keys: readonly string[] = []): string {
  const tables = keys.map((key) => `[[issuers."${issuer}".keys]]\npublic_key = """\n${key}"""\n`);
  return `[issuers."${issuer}"]\n${members}\n${tables.join("")}`;
}

/** The changes of one issuer, short. */
function brief({ changes }: RegistryPlan, issuer: string): string[] {
  return changes.filter((change) => change.issuer === issuer)
    .map(({ action, kind, fields, loosens }) =>
      `${action} ${kind} ${fields.map(({ column }) => column).join(",")}${
        loosens.length ? " !" : ""
      }`
    );
}

async function summary(target: RegistryTarget, issuer: string) {
  return (await listIssuers(target)).find((each) => each.issuer === issuer);
}

eachWay("applyDeclaration() refuses what loosens, and changes nothing", async (s) => {
  const text = table(s.issuer, 'allowed_roles = ["widgets_writer"]', [s.publicKey]);
  const planned = await plan(s.target, text);
  assert.deepEqual(brief(planned, s.issuer), ["add issuer allowed_roles !", "add key algorithm !"]);
  await refused(
    "loosening_refused",
    apply(s.target, text),
    /new issuer use the role "widgets_writer"/,
  );
  assert.equal(await summary(s.target, s.issuer), undefined);

  await apply(s.target, text, ALLOWED);
  const found = await summary(s.target, s.issuer);
  assert.deepEqual(found?.policy.roles, ["widgets_writer"]);
  assert.deepEqual(found?.keys.map(({ kid, state }) => [kid, state]), [[s.kid, "current"]]);
  assert.deepEqual((await plan(s.target, text)).changes, []);
});

eachWay("applyDeclaration() sets what differs, and leaves the rest", async (s) => {
  await register({ ...s, roles: ["widgets_writer"], subjects: ["job-*"], description: "before" });
  const text = table(s.issuer, 'allowed_subjects = ["job-1"]\ndescription = "after"', [
    s.publicKey,
  ]);
  const { plan: applied } = await apply(s.target, text);
  assert.deepEqual(brief(applied, s.issuer), [
    "change issuer allowed_roles,allowed_subjects,description",
  ]);
  assert.deepEqual(applied.changes.find(({ issuer }) => issuer === s.issuer)?.fields[1], {
    column: "allowed_subjects",
    before: ["job-*"],
    after: ["job-1"],
  });
  const found = await summary(s.target, s.issuer);
  assert.deepEqual(found?.policy.subjects, ["job-1"]);
  assert.deepEqual(found?.policy.roles, []);
});

eachWay("an order of names is no difference", async (s) => {
  await register({ ...s, roles: ["widgets_writer", "widgets_reader"] });
  const roles = (list: string) => table(s.issuer, `allowed_roles = [${list}]`, [s.publicKey]);
  assert.deepEqual(
    brief(await plan(s.target, roles('"widgets_reader", "widgets_writer"')), s.issuer),
    [],
  );
  assert.deepEqual(brief(await plan(s.target, roles('"widgets_reader"')), s.issuer), [
    "change issuer allowed_roles",
  ]);
});

eachWay("what was revoked by hand comes back only where that is allowed", async (s) => {
  await register({ ...s, roles: ["widgets_writer"] });
  const { toml: file } = await exportRegistry(s.target);
  await revokeKey(s.target, s.kid);
  await deactivateIssuer(s.target, s.issuer);
  assert.deepEqual(brief(await plan(s.target, file), s.issuer), [
    "change issuer is_active !",
    "change key is_active !",
  ]);
  await refused("loosening_refused", apply(s.target, file), /activates the issuer again/);
  await apply(s.target, file, ALLOWED);
  assert.equal((await summary(s.target, s.issuer))?.keys[0]?.state, "current");
});

eachWay("what is not in the file is deactivated with prune, and never deleted", async (s) => {
  await register({ ...s, roles: ["widgets_writer"] });
  const other = await newKey();
  await register({ ...s, ...other });
  const gone = { ...s, issuer: `${s.issuer}-gone`, ...await newKey() };
  await register(gone);
  const { toml } = await exportRegistry(s.target);
  const block = (text: string) =>
    new RegExp(`^\\[\\[?issuers\\."${text}"[^]*?(?=^\\[issuers|$(?![^]))`, "m");
  const file = toml.replace(block(gone.issuer), "")
    .replace(block(s.issuer), table(s.issuer, 'allowed_roles = ["widgets_writer"]', [s.publicKey]));

  const { changes, undeclared } = await plan(s.target, file);
  assert.deepEqual(changes, []);
  assert.deepEqual(undeclared, [
    { kind: "issuer", issuer: gone.issuer, kid: null, name: null },
    { kind: "key", issuer: s.issuer, kid: other.kid, name: null },
  ]);

  const { plan: applied } = await apply(s.target, file, { prune: true });
  assert.deepEqual(brief(applied, s.issuer), ["deactivate key is_active"]);
  assert.deepEqual(brief(applied, gone.issuer), ["deactivate issuer is_active"]);
  const after = await plan(s.target, file, { prune: true });
  assert.deepEqual([after.changes, after.undeclared], [[], []]);

  const found = await summary(s.target, gone.issuer);
  assert.equal(found?.isActive, false);
  // As it was, for the day on which the issuer comes back.
  assert.equal(found?.keys[0]?.state, "current");
  assert.equal(
    (await summary(s.target, s.issuer))?.keys.find(({ kid }) => kid === other.kid)?.state,
    "revoked",
  );
});

eachWay("a role that is not safe fails all of it", async (s) => {
  const text = table(`${s.issuer}-a`, 'allowed_roles = ["widgets_writer"]', [s.publicKey]) +
    table(`${s.issuer}-b`, 'allowed_roles = ["bypasser"]');
  await refused("role_not_allowed", apply(s.target, text, ALLOWED), /"bypasser".*BYPASSRLS/);
  assert.equal(await summary(s.target, `${s.issuer}-a`), undefined);
  await apply(s.target, text.replace("bypasser", "widgets_reader"), ALLOWED);
  assert.notEqual(await summary(s.target, `${s.issuer}-a`), undefined);
});

eachWay("what only the database knows fails all of it, with its reason", async (s) => {
  const text = table(`${s.issuer}-a`, "") + table("https://x.supabase.co/auth/v1", "");
  await refused("invalid_argument", apply(s.target, text), /no Supabase project uses for itself/);
  assert.equal(await summary(s.target, `${s.issuer}-a`), undefined);
});

eachWay("a key of another issuer is refused, and not said whose it is", async (s) => {
  await register(s);
  const text = table(`${s.issuer}-thief`, "", [s.publicKey]);
  await assert.rejects(plan(s.target, text), (error) => {
    assert(error instanceof Error && !error.message.includes(`"${s.issuer}"`), String(error));
    assert.match(error.message, /^Line 3, column 1: .*registered for another$/);
    return true;
  });
});

eachWay("a new key that cannot verify is refused with its place", async (s) => {
  // On no curve: the low byte of its point is another.
  const bad = s.publicKey.replace(/.(?==*\n-----END)/, (last) => last === "A" ? "Q" : "A");
  await refused(
    "invalid_declaration",
    plan(s.target, table(s.issuer, "", [bad])),
    /^Line 3, column 1: /,
  );
});

eachWay("a plan of another version is refused", async (s) => {
  const text = table(s.issuer, "");
  const { version } = await plan(s.target, text);
  await register({ ...s, issuer: `${s.issuer}-between` });
  await refused(
    "conflict",
    apply(s.target, text, { expectedVersion: version }),
    /has changed since the plan/,
  );
  assert.equal(await summary(s.target, s.issuer), undefined);
  const again = await plan(s.target, text);
  const { version: after } = await apply(s.target, text, { expectedVersion: again.version });
  assert.equal(after, (await plan(s.target, text)).version);
});

eachWay("an empty plan is held to its version as well", async (s) => {
  await refused("conflict", apply(s.target, "", { expectedVersion: "1000000000" }));
  const { version } = await plan(s.target, "");
  assert.equal((await apply(s.target, "", { expectedVersion: version })).version, version);
});

eachWay("planMigration() writes what apply would do", async (s) => {
  await register({ ...s, roles: ["widgets_writer"], issuer: `${s.issuer}'";--` });
  const name = `${s.issuer}'\\";--`;
  const next = await newKey();
  const text = table(name, 'description = "\\"\'\\n$$;-- \\u202E"', [s.publicKey, next.publicKey]);
  const planned = await plan(s.target, text);
  await refused("loosening_refused", Promise.resolve().then(() => planMigration(planned)));

  const migration = planMigration(planned, ALLOWED);
  assert(!/[^\n\x20-\x7e]/.test(migration), "expected every character to show");
  assert.match(
    migration,
    /^-- change issuer "issuer-.*'\\";--"\n-- add key .*\n-- {3}loosens: "lets one/,
  );
  await sql.unsafe(migration);
  assert.deepEqual((await plan(s.target, text)).changes, []);
  assert.equal(planMigration(await plan(s.target, text)), "");

  const elsewhere = migration.replaceAll(s.issuer, "issuer-of-another-registry");
  await assert.rejects(sql.unsafe(elsewhere), /changes are missing: 1 of 1/);
});
