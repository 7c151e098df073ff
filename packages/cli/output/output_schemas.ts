import {
  ANY_OBJECT,
  ANYTHING,
  either,
  FLAG,
  INSTANT,
  list,
  NUMBER,
  object,
  oneOf,
  orNull,
  type Schema,
  TEXT,
  WHOLE,
} from "./schema.ts";

const KEY = {
  issuer: TEXT,
  publicKey: TEXT,
  algorithm: TEXT,
  isActive: FLAG,
  createdAt: INSTANT,
  updatedAt: INSTANT,
  kid: TEXT,
  notBefore: orNull(INSTANT),
  notAfter: orNull(INSTANT),
};

const POLICY = object({
  roles: list(TEXT),
  refusedRoles: list(TEXT),
  defaultRole: orNull(TEXT),
  subjects: orNull(list(TEXT)),
  allowUserSubjects: FLAG,
  claims: orNull(list(TEXT)),
  audiences: orNull(list(TEXT)),
  maxTokenLifetime: WHOLE,
  maxExchangeLifetime: orNull(WHOLE),
  rejectIssuedBefore: orNull(WHOLE),
  singleUse: FLAG,
  mode: oneOf("enforce", "observe"),
  description: orNull(TEXT),
});

const GUARD = {
  enabled: FLAG,
  preRequest: orNull(TEXT),
  chained: orNull(TEXT),
  enabledAt: orNull(INSTANT),
  usedTokens: WHOLE,
};

const PLANNED = orNull(either(TEXT, FLAG, list(TEXT), ANY_OBJECT));
const PLAN = {
  version: TEXT,
  changes: list(object({
    action: oneOf("add", "change", "deactivate"),
    kind: TEXT,
    issuer: orNull(TEXT),
    kid: orNull(TEXT),
    name: orNull(TEXT),
    fields: list(object({ column: TEXT, before: PLANNED, after: PLANNED })),
    loosens: list(TEXT),
  })),
  undeclared: list(
    object({ kind: TEXT, issuer: orNull(TEXT), kid: orNull(TEXT), name: orNull(TEXT) }),
  ),
};

/** What a command that changes rows prints with `--dry-run`. */
const DRY_RUN = object({
  dryRun: FLAG,
  changes: list(object({
    operation: oneOf("INSERT", "UPDATE", "DELETE"),
    table: TEXT,
    issuer: TEXT,
    kid: orNull(TEXT),
    "name?": TEXT,
    before: orNull(ANY_OBJECT),
    after: ANY_OBJECT,
  })),
});

const PROVIDER = object({
  issuer: TEXT,
  isActive: FLAG,
  keysFrom: oneOf("discovery", "jwks_uri", "jwks"),
  jwksUri: orNull(TEXT),
  jwks: orNull(ANY_OBJECT),
  algorithms: list(TEXT),
  allowPrivate: FLAG,
  description: orNull(TEXT),
  revokedKids: list(TEXT),
  createdAt: INSTANT,
  updatedAt: INSTANT,
});

const SCALAR = either(TEXT, WHOLE, FLAG);
const CONDITION = either(SCALAR, list(SCALAR));
const RULE = object({
  name: TEXT,
  provider: TEXT,
  issuer: TEXT,
  isActive: FLAG,
  audiences: list(TEXT),
  conditions: { type: "object", additionalProperties: CONDITION },
  subject: TEXT,
  claims: { type: "object", additionalProperties: TEXT },
  role: orNull(TEXT),
  maxTokenLifetime: WHOLE,
  mode: oneOf("enforce", "observe"),
  description: orNull(TEXT),
  createdAt: INSTANT,
  updatedAt: INSTANT,
});

/** A rule against the claims of a token. `found` is missing where the token has no such claim. */
const JUDGED_RULE = object({
  name: TEXT,
  issuer: TEXT,
  state: oneOf("active", "observing", "deactivated"),
  matches: FLAG,
  audience: object({ wanted: list(TEXT), "found?": ANYTHING, holds: FLAG }),
  conditions: list(object({ claim: TEXT, wanted: CONDITION, "found?": ANYTHING, holds: FLAG })),
});

const RULE_STATE = object({ name: TEXT, isActive: FLAG });
const PROVIDER_KEY = object({ issuer: TEXT, kid: TEXT, isRevoked: FLAG });

const ISSUER_STATE = object({ issuer: TEXT, isActive: FLAG });

/** What each command prints with `--json`, on one line. */
export const OUTPUT_SCHEMAS: Readonly<Record<string, Schema>> = {
  init: either(
    object({
      written: FLAG,
      files: list(object({
        path: TEXT,
        action: oneOf("keep", "create", "append", "obstacle"),
        "reason?": TEXT,
      })),
      next: list(TEXT),
    }),
    object({ path: TEXT, content: TEXT }),
  ),
  keygen: either(
    object({ issuer: TEXT, kid: TEXT, algorithm: TEXT, privateKeyFile: TEXT, publicKeyFile: TEXT }),
    object({ dryRun: FLAG, issuer: TEXT, privateKeyFile: TEXT, publicKeyFile: TEXT }),
  ),
  register: either(object(KEY), DRY_RUN),
  mint: object({ token: TEXT }),
  list: list(object({
    issuer: TEXT,
    isActive: FLAG,
    policy: POLICY,
    keys: list(object({ ...KEY, state: oneOf("standby", "current", "retired", "revoked") })),
    createdAt: INSTANT,
    updatedAt: INSTANT,
  })),
  explain: object({
    accepted: FLAG,
    "reason?": TEXT,
    "role?": TEXT,
    steps: list(object({
      step: oneOf("form", "issuer", "key", "signature", "times", "audience", "policy"),
      outcome: oneOf("passed", "failed", "not reached", "not checked"),
      "message?": TEXT,
      "facts?": object({ token: TEXT, registry: TEXT }),
    })),
    "rule?": TEXT,
    "rules?": list(JUDGED_RULE),
    observed: list(TEXT),
    notAsked: list(TEXT),
    "asked?": object({ accepted: FLAG, message: TEXT }),
  }),
  doctor: object({
    target: TEXT,
    problems: WHOLE,
    warnings: WHOLE,
    notChecked: WHOLE,
    findings: list(object({
      check: TEXT,
      outcome: oneOf("ok", "warning", "problem", "not checked"),
      "code?": TEXT,
      message: TEXT,
      "fix?": TEXT,
    })),
  }),
  "policy get": POLICY,
  "policy set": either(POLICY, DRY_RUN),
  rotate: either(object({ key: object(KEY), retiring: list(object(KEY)) }), DRY_RUN),
  revoke: either(object(KEY), DRY_RUN),
  deactivate: either(ISSUER_STATE, DRY_RUN),
  activate: either(ISSUER_STATE, object(KEY), DRY_RUN),
  "provider add": either(PROVIDER, DRY_RUN),
  "provider list": list(PROVIDER),
  "provider deactivate": either(ISSUER_STATE, DRY_RUN),
  "provider activate": either(ISSUER_STATE, DRY_RUN),
  "provider revoke-key": either(PROVIDER_KEY, DRY_RUN),
  "provider restore-key": either(PROVIDER_KEY, DRY_RUN),
  "rule add": either(RULE, DRY_RUN),
  "rule list": list(RULE),
  "rule test": object({
    provider: TEXT,
    isActive: FLAG,
    rules: list(JUDGED_RULE),
    "rule?": TEXT,
    "claims?": ANY_OBJECT,
    "reason?": oneOf(
      "rule_not_matched",
      "ambiguous_rule",
      "subject_not_allowed",
      "claim_not_allowed",
    ),
    "refused?": TEXT,
  }),
  "rule deactivate": either(RULE_STATE, DRY_RUN),
  "rule activate": either(RULE_STATE, DRY_RUN),
  audit: list(object({
    id: WHOLE,
    at: INSTANT,
    revision: NUMBER,
    actor: TEXT,
    sessionRole: TEXT,
    reason: orNull(TEXT),
    claims: orNull(ANY_OBJECT),
    operation: oneOf("INSERT", "UPDATE", "DELETE"),
    tableName: TEXT,
    issuer: TEXT,
    kid: orNull(TEXT),
    before: orNull(ANY_OBJECT),
    after: orNull(ANY_OBJECT),
  })),
  /** A countersign.toml, by its own names. */
  export: ANY_OBJECT,
  plan: object(PLAN),
  apply: either(
    object({ plan: object(PLAN), version: TEXT }),
    object({ plan: object(PLAN), sql: TEXT }),
    object({ plan: object(PLAN), dryRun: FLAG }),
  ),
  "guard enable": either(
    object(GUARD),
    object({ dryRun: FLAG, before: ANY_OBJECT, after: ANY_OBJECT }),
  ),
  "guard disable": either(
    object(GUARD),
    object({ dryRun: FLAG, before: ANY_OBJECT, after: ANY_OBJECT }),
  ),
  "guard status": object(GUARD),
  "guard rotate-seal": either(
    object({ id: TEXT, overlap: WHOLE }),
    object({ dryRun: FLAG, overlap: WHOLE }),
  ),
  dev: { type: "object", additionalProperties: TEXT },
  serve: object({ url: TEXT, workers: WHOLE }),
  completion: object({ shell: TEXT, script: TEXT }),
};
