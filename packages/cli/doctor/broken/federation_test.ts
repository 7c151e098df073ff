import { addProvider, addRule, deactivateIssuer } from "@countersign/registry-admin";
import { type Broken, brokenSetups } from "../../fixtures/broken.ts";
import type { DoctorStage } from "../../fixtures/doctor_stage.ts";

const PROVIDER = "https://ci.example.com";

/** What the provider's configuration says, for this machine. */
const discovery = (answer: () => Response): NonNullable<Broken["world"]> => () => ({
  fetch: (input, init) =>
    String(input).startsWith(PROVIDER) ? Promise.resolve(answer()) : fetch(input, init),
});
const WELL = discovery(() => Response.json({ issuer: PROVIDER }));

/** A provider, an issuer without a key, and a rule by which the one acts as the other. */
function federated(
  then: (stage: DoctorStage) => Promise<unknown> = () => Promise.resolve(),
): Pick<Broken, "prepare" | "world"> {
  return {
    world: WELL,
    prepare: async (stage) => {
      const { sql } = stage;
      await addProvider({ sql }, { issuer: PROVIDER });
      await addRule({ sql }, {
        name: "deploy",
        provider: PROVIDER,
        issuer: "deployer",
        audiences: ["https://prod.example.com"],
        conditions: { project: "42" },
        subject: "ci:{project}",
      }, { newIssuer: { roles: ["notes_writer"], defaultRole: "notes_writer" } });
      await then(stage);
      return async () => {
        await sql`delete from public.jwt_federation_rules where name = 'deploy'`;
        await sql`delete from public.jwt_oidc_providers where issuer = ${PROVIDER}`;
        await sql`delete from public.jwt_issuers where issuer = 'deployer'`;
      };
    },
  };
}

brokenSetups("federation", { complete: true }, [
  {
    what: "a rule whose provider is deactivated",
    ...federated(({ sql }) => sql`update public.jwt_oidc_providers set is_active = false`),
    expect: ["federation.rule_provider_off"],
    fix: /countersign provider activate --issuer https:\/\/ci\.example\.com/,
  },
  {
    what: "a rule whose issuer is deactivated",
    ...federated(({ sql }) => deactivateIssuer({ sql }, "deployer")),
    expect: ["federation.rule_issuer_off"],
    fix: /countersign activate --issuer deployer/,
  },
  {
    what: "a rule in a role that its issuer lost",
    ...federated(({ sql }) =>
      sql.unsafe(`
        select countersign.create_writer_role('other_writer');
        update public.jwt_issuers set allowed_roles = '{notes_writer,other_writer}' where issuer = 'deployer';
        update public.jwt_federation_rules set role = 'other_writer' where name = 'deploy';
        update public.jwt_issuers set allowed_roles = '{notes_writer}' where issuer = 'deployer'`)
    ),
    expect: ["federation.rule_role_missing"],
    fix: /policy set --issuer deployer --role other_writer/,
  },
  {
    what: "a rule in observe mode",
    ...federated(({ sql }) => sql`update public.jwt_federation_rules set mode = 'observe'`),
    expect: ["federation.rule_observed"],
    fix: /enforce mode/,
  },
  {
    what: "a provider whose only rule is deactivated",
    ...federated(({ sql }) => sql`update public.jwt_federation_rules set is_active = false`),
    expect: ["keys.key_missing", "federation.provider_without_rule"],
    fix: /countersign register --issuer deployer/,
  },
  {
    what: "a provider that does not answer",
    ...federated(),
    world: discovery(() => new Response("gone", { status: 404 })),
    expect: ["federation.provider_unreachable"],
    fix: /check the provider's URL/,
  },
  {
    what: "a provider whose configuration is another's",
    ...federated(),
    world: discovery(() => Response.json({ issuer: `${PROVIDER}/` })),
    expect: ["federation.provider_other_issuer"],
    fix: /exactly the issuer that its configuration names/,
  },
]);
