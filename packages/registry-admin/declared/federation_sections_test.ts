import assert from "node:assert/strict";
import { eachWay, refused, withTarget } from "../fixtures/every_way.ts";
import {
  applyDeclaration,
  exportRegistry,
  planDeclaration,
  planMigration,
  readDeclaration,
} from "../mod.ts";

withTarget();

function file(issuer: string, more = ""): string {
  return `
[issuers."${issuer}"]
allowed_roles = ["widgets_writer"]

[providers."https://${issuer}.example.com"]
algorithms = ["RS256", "ES256"]

[rules."${issuer}"]
provider = "https://${issuer}.example.com"
issuer = "${issuer}"
audiences = ["ref"]
conditions = { "repository_id" = "74", "/kubernetes.io/namespace" = ["prod", "stage-*"], "protected" = true }
subject = "ci:{repository_id}"
max_token_lifetime = "2 hours"
${more}`;
}

const plan = async (target: Parameters<typeof planDeclaration>[0], text: string) =>
  await planDeclaration(target, await readDeclaration(text));
const apply = async (
  target: Parameters<typeof planDeclaration>[0],
  text: string,
  options: Parameters<typeof applyDeclaration>[2] = {},
) => await applyDeclaration(target, await readDeclaration(text), options);

eachWay(
  "a file makes a provider and a rule, and an export writes them",
  async ({ target, issuer }) => {
    const planned = await plan(target, file(issuer));
    const provider = `https://${issuer}.example.com`;
    assert.deepEqual(
      planned.changes.map(({ action, kind, issuer, name, loosens }) =>
        [action, kind, issuer, name, loosens] as const
      ),
      [
        ["add", "issuer", issuer, null, ['lets a new issuer use the role "widgets_writer"']],
        ["add", "provider", null, provider, []],
        ["add", "rule", issuer, issuer, ["lets tokens of a provider act as the issuer"]],
      ],
    );
    const migration = planMigration(planned, { allowLoosening: true });
    assert(migration.includes(`-- add rule "${issuer}" "${issuer}"\n`), migration);
    assert(migration.includes(`-- add provider "${provider}"\n`), migration);
    await refused("loosening_refused", apply(target, file(issuer)));
    await apply(target, file(issuer), { allowLoosening: true });
    assert.deepEqual((await plan(target, file(issuer))).changes, []);
    const { toml } = await exportRegistry(target);
    assert(
      toml.includes(`[rules."${issuer}"]
provider = "${provider}"
issuer = "${issuer}"
audiences = ["ref"]
conditions = { "/kubernetes.io/namespace" = ["prod", "stage-*"], "protected" = true, "repository_id" = "74" }
subject = "ci:{repository_id}"
max_token_lifetime = "2 hours"
`),
      toml,
    );
    assert.deepEqual((await plan(target, toml)).changes, []);
  },
);

eachWay(
  "a wider condition loosens, a narrower one and observing do not",
  async ({ target, issuer }) => {
    await apply(target, file(issuer), { allowLoosening: true });
    const wider = file(issuer).replace('"stage-*"', '"stage-**"');
    const { changes } = await plan(target, wider);
    assert.deepEqual(changes.map(({ loosens }) => loosens), [
      ['accepts "stage-**" as the claim "/kubernetes.io/namespace"'],
    ]);
    await refused("loosening_refused", apply(target, wider), /accepts "stage-\*\*"/);
    await apply(target, file(issuer, 'mode = "observe"').replace('"stage-*"', '"stage-1"'));
  },
);

eachWay("a rule keeps its provider and its issuer", async ({ target, issuer }) => {
  await apply(target, file(issuer), { allowLoosening: true });
  const moved = file(issuer).replace(`issuer = "${issuer}"`, 'issuer = "other"') +
    "\n[issuers.other]\nallowed_roles = []";
  await refused("invalid_declaration", plan(target, moved), /keep its issuer/);
});

eachWay(
  "a rule that names no owner at a provider that the world shares is not applied",
  async ({ target, issuer }) => {
    const text = file(issuer).replaceAll(
      `https://${issuer}.example.com`,
      `https://gitlab.com/${issuer}`,
    );
    await refused(
      "invalid_argument",
      apply(target, text, { allowLoosening: true }),
      /names no owner.*project_id/,
    );
    // Nothing of it was applied.
    assert.equal((await plan(target, text)).changes.length, 3);
  },
);

eachWay("what is not in the file is deactivated with prune", async ({ target, issuer }) => {
  await apply(target, file(issuer), { allowLoosening: true });
  const rest = `[issuers."${issuer}"]\nallowed_roles = ["widgets_writer"]`;
  const found = (await plan(target, rest)).undeclared.filter(({ name }) => name?.includes(issuer));
  assert.deepEqual(found, [
    { kind: "provider", issuer: null, kid: null, name: `https://${issuer}.example.com` },
    { kind: "rule", issuer, kid: null, name: issuer },
  ]);
});
