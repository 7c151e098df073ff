/** A claim that a preset asks for. */
export interface PresetClaim {
  /** The flag that gives its value, without the dashes. */
  readonly flag: string;
  /** The claim's path, as in a rule's conditions. */
  readonly claim: string;
  /** Where a person finds the value. */
  readonly where: string;
}

/** What is known of a provider, so that a rule for it is safe. One row of {@linkcode PRESETS}. */
export interface Preset {
  readonly name: string;
  /** The provider's `iss`; `undefined` where each customer has another one, and --provider has to name it. */
  readonly issuer?: string;
  /** What the `iss` looks like where each customer has another one. */
  readonly issuerLike?: string;
  /** Claims that say who it is. All of them are required: they cannot be taken over. */
  readonly identity: readonly PresetClaim[];
  /** Claims that narrow the rule. */
  readonly narrowing: readonly PresetClaim[];
  /** The flag that names the same in words, and why that is not enough. */
  readonly alias?: { readonly flag: string; readonly why: string };
  /** The template of `sub`. The first claim that narrows is appended to it. */
  readonly subject: string;
  /** What a rule without anything that narrows lets in. */
  readonly wide: string;
  /** How a job asks for a token for the audience AUD, with every claim above. */
  readonly job: string;
}

const GITHUB_API = "gh api repos/OWNER/NAME";

/** Providers whose tokens are understood. */
export const PRESETS: readonly Preset[] = [
  {
    name: "github",
    issuer: "https://token.actions.githubusercontent.com",
    identity: [
      { flag: "repository-id", claim: "repository_id", where: `${GITHUB_API} --jq .id` },
      {
        flag: "repository-owner-id",
        claim: "repository_owner_id",
        where: `${GITHUB_API} --jq .owner.id`,
      },
    ],
    narrowing: [
      { flag: "environment", claim: "environment", where: "the job's environment" },
      { flag: "ref", claim: "ref", where: "the full ref, like refs/heads/main" },
    ],
    alias: {
      flag: "repository",
      why:
        "anyone who registers a name that was renamed or deleted gets tokens with it, and sub only has the ids in repositories that were made or renamed since July 2026",
    },
    subject: "gh:{repository_id}",
    wide: "every workflow of the repository, on every branch",
    job: "the permission id-token: write, and $ACTIONS_ID_TOKEN_REQUEST_URL&audience=AUD",
  },
  {
    name: "gitlab",
    issuer: "https://gitlab.com",
    identity: [
      {
        flag: "project-id",
        claim: "project_id",
        where: "the project's page, Actions, Copy project ID (or CI_PROJECT_ID)",
      },
      {
        flag: "namespace-id",
        claim: "namespace_id",
        where: "the group's page, Actions, Copy group ID (or CI_PROJECT_NAMESPACE_ID)",
      },
    ],
    narrowing: [
      { flag: "environment", claim: "environment", where: "the job's environment" },
      { flag: "ref", claim: "ref", where: "the branch or tag, like main" },
    ],
    alias: {
      flag: "project-path",
      why: "anyone who registers a path that was renamed or deleted gets tokens with it",
    },
    subject: "gl:{project_id}",
    wide: "every pipeline of the project, on every branch",
    job: "id_tokens: { TOKEN: { aud: AUD } }",
  },
  {
    name: "kubernetes",
    issuerLike: "kubectl get --raw /.well-known/openid-configuration | jq -r .issuer",
    identity: [
      { flag: "namespace", claim: "/kubernetes.io/namespace", where: "the pod's namespace" },
      {
        flag: "service-account",
        claim: "/kubernetes.io/serviceaccount/name",
        where: "the pod's serviceAccountName",
      },
    ],
    narrowing: [
      {
        flag: "service-account-uid",
        claim: "/kubernetes.io/serviceaccount/uid",
        where: "kubectl get sa NAME -n NAMESPACE -o jsonpath={.metadata.uid}",
      },
    ],
    subject: "k8s:{/kubernetes.io/namespace}:{/kubernetes.io/serviceaccount/name}",
    wide: "a service account of that name that someone makes again",
    job: "a projected serviceAccountToken with audience: AUD",
  },
  {
    name: "google",
    issuer: "https://accounts.google.com",
    identity: [
      {
        flag: "service-account-id",
        claim: "sub",
        where: "gcloud iam service-accounts describe EMAIL --format='value(uniqueId)'",
      },
    ],
    narrowing: [],
    alias: {
      flag: "email",
      why: "an address can be given to another service account once its first one is deleted",
    },
    subject: "google:{sub}",
    wide: "",
    job: "the metadata server's …/service-accounts/default/identity?audience=AUD",
  },
  {
    name: "fly",
    issuerLike: "https://oidc.fly.io/<org slug>",
    identity: [
      {
        flag: "org-id",
        claim: "org_id",
        where: "a decoded token",
      },
      { flag: "app-id", claim: "app_id", where: "a decoded token" },
    ],
    narrowing: [{ flag: "machine-id", claim: "machine_id", where: "fly machine list" }],
    alias: {
      flag: "app-name",
      why: "an app's name is free again once the app is destroyed",
    },
    subject: "fly:{app_id}",
    wide: "every machine of the app",
    job: 'POST /v1/tokens/oidc with {"aud": "AUD"} on the machine\'s socket /.fly/api',
  },
  {
    name: "circleci",
    issuerLike: "https://oidc.circleci.com/org/<organization id>",
    identity: [
      {
        flag: "project-id",
        claim: "oidc.circleci.com/project-id",
        where: "Project Settings, Overview",
      },
    ],
    narrowing: [
      {
        flag: "context-id",
        claim: "oidc.circleci.com/context-ids",
        where: "Organization Settings, Contexts: the end of the URL",
      },
      {
        flag: "ref",
        claim: "oidc.circleci.com/vcs-ref",
        where:
          "the full ref, like refs/heads/main; a fork has it too, so give --vcs-origin as well",
      },
      {
        flag: "vcs-origin",
        claim: "oidc.circleci.com/vcs-origin",
        where: "the repository, like github.com/acme/shop, which a fork does not share",
      },
    ],
    subject: "circleci:{oidc.circleci.com/project-id}",
    wide:
      "every job of the project, on every branch, and of forks if the project passes secrets to them",
    job: `circleci run oidc get --claims '{"aud": "AUD"}'`,
  },
  {
    name: "buildkite",
    issuer: "https://agent.buildkite.com",
    identity: [
      {
        flag: "organization-id",
        claim: "organization_id",
        where: "the id at https://api.buildkite.com/v2/organizations/SLUG",
      },
      {
        flag: "pipeline-id",
        claim: "pipeline_id",
        where: "BUILDKITE_PIPELINE_ID of a job, or the id that the REST API shows",
      },
    ],
    narrowing: [
      { flag: "branch", claim: "build_branch", where: "the branch, like main" },
      { flag: "step", claim: "step_key", where: "the step's key" },
    ],
    subject: "buildkite:{pipeline_id}",
    wide: "every step of the pipeline, on every branch",
    job:
      "buildkite-agent oidc request-token --audience AUD --claim organization_id --claim pipeline_id",
  },
  {
    name: "terraform-cloud",
    issuer: "https://app.terraform.io",
    identity: [
      {
        flag: "organization-id",
        claim: "terraform_organization_id",
        where: "the organization's settings: org-…",
      },
      {
        flag: "workspace-id",
        claim: "terraform_workspace_id",
        where: "the workspace's overview: ws-…",
      },
    ],
    narrowing: [
      { flag: "run-phase", claim: "terraform_run_phase", where: "plan or apply" },
    ],
    subject: "tfc:{terraform_workspace_id}",
    wide: "plans as well as applies, so also those of a pull request",
    job: "TFC_WORKLOAD_IDENTITY_AUDIENCE=AUD in the workspace's environment variables",
  },
  {
    name: "vercel",
    issuerLike: "https://oidc.vercel.com/<team slug>",
    identity: [
      { flag: "team-id", claim: "owner_id", where: "the team's Settings, General: team_…" },
      { flag: "project-id", claim: "project_id", where: "the project's Settings, General: prj_…" },
    ],
    narrowing: [
      { flag: "environment", claim: "environment", where: "production, preview or development" },
    ],
    subject: "vercel:{project_id}",
    wide: "previews of every branch, and development on every member's machine",
    job: "getVercelOidcToken of @vercel/oidc, with its option audience",
  },
];

/** Every flag that some preset knows. */
export const PRESET_FLAGS: readonly string[] = Array.from(
  new Set(PRESETS.flatMap(({ identity, narrowing, alias }) => [
    ...identity.map(({ flag }) => flag),
    ...narrowing.map(({ flag }) => flag),
    ...alias === undefined ? [] : [alias.flag],
  ])),
);
