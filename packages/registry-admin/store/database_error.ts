import { PostgresConnectionError } from "@countersign/postgres";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";

/** What Postgres said, directly or through PostgREST. */
export interface DatabaseRefusal {
  readonly sqlstate: string;
  readonly message: string;
  readonly hint: string;
}

const CODES: Readonly<Record<string, RegistryErrorCode>> = {
  "42501": "not_authorized",
  "28000": "not_authorized",
  "28P01": "not_authorized",
  PGRST301: "not_authorized",
  PGRST302: "not_authorized",
  PGRST303: "not_authorized",
  "42P01": "schema_missing",
  "42703": "schema_missing",
  "42883": "schema_missing",
  "3F000": "schema_missing",
  PGRST106: "schema_missing",
  PGRST202: "schema_missing",
  PGRST204: "schema_missing",
  PGRST205: "schema_missing",
  "23505": "conflict",
  "40001": "conflict",
  "40P01": "conflict",
  "55006": "conflict",
  "55P03": "conflict",
  PT409: "conflict",
  "22003": "invalid_argument",
  "22007": "invalid_argument",
  "22008": "invalid_argument",
  "22021": "invalid_argument",
  "22P05": "invalid_argument",
  "22023": "invalid_argument",
  "23502": "invalid_argument",
  "23503": "conflict",
  "23514": "invalid_argument",
  "42725": "invalid_argument",
  "57014": "unreachable",
  "57P01": "unreachable",
  "57P02": "unreachable",
  "57P03": "unreachable",
  "53300": "unreachable",
  PGRST000: "unreachable",
  PGRST001: "unreachable",
  PGRST002: "unreachable",
  PGRST003: "unreachable",
};

/**
 * The states that the registry's own rules raise: `check_violation`, `foreign_key_violation`, and `undefined_function` for
 * the guard.
 */
const RAISED: ReadonlySet<string> = new Set(["23514", "23503", "42883"]);

/**
 * What the registry's own rules say, by their words or by the name of the constraint. PostgREST hands on the message and no
 * more, so that is all that both ways have in common.
 */
const RULES: readonly (readonly [RegExp, RegistryErrorCode, string?])[] = [
  [/^Role "/, "role_not_allowed"],
  [
    /_provider_fkey"/,
    "provider_not_found",
    "Expected an OIDC provider that is registered; see listProviders",
  ],
  [
    /jwt_federation_rules_issuer_fkey"/,
    "issuer_not_found",
    "Expected an issuer that is registered; see listIssuers",
  ],
  [
    /_(issuer|jwks_uri)_is_an_https_url"/,
    "invalid_argument",
    "Expected an https URL with a lower-case host, and without user name, fragment or dot segments",
  ],
  [
    /_jwks_is_public"/,
    "invalid_argument",
    "Expected a JSON Web Key Set of 1 to 50 public RSA, EC or OKP keys",
  ],
  [
    /_keys_are_where_they_come_from"/,
    "invalid_argument",
    "Expected the URL of the keys, or the keys, exactly if keysFrom says so",
  ],
  [
    /_algorithms_are_known"/,
    "invalid_argument",
    "Expected one or more of RS256, RS384, RS512, PS256, ES256, ES384, EdDSA",
  ],
  [
    /_name_fits_a_header"/,
    "invalid_argument",
    'Expected the rule\'s name to be up to 100 of a-z, A-Z, 0-9, ".", "_" and "-", starting with a letter or a digit',
  ],
  [
    /_conditions_are_well_formed"/,
    "invalid_argument",
    'Expected 1 to 32 conditions: a claim, and its value, a list of values, or a prefix with "*" or "**" only at its end',
  ],
  [
    /_subject_is_a_template"/,
    "invalid_argument",
    "Expected the subject to be text with {claim} in places, and something between any two of them",
  ],
  [
    /_claims_are_a_map"/,
    "invalid_argument",
    "Expected the claims to be at most 32 names, none of them registered, each with the claim that it is taken from",
  ],
  [
    /_kid_is_a_thumbprint"/,
    "invalid_argument",
    "Expected the key's thumbprint (RFC 7638, SHA-256): 43 characters of base64url",
  ],
  [/^Pre-request function/, "invalid_argument"],
  [/public key|PEM block|^RSA |^EC keys/i, "invalid_public_key"],
  [/_algorithm_fits_the_key"/, "invalid_public_key", "Expected a key that fits its algorithm"],
  [
    /_issuer_is_a_name"/,
    "invalid_argument",
    "Expected the issuer's name to be 1 to 255 visible characters, without white space at either end",
  ],
  [
    /_issuer_is_not_the_target"/,
    "invalid_argument",
    "Expected a name that no Supabase project uses for itself, like its URL with /auth/v1",
  ],
  [
    /_default_role_is_allowed"/,
    "invalid_argument",
    "Expected the default role to be one of the issuer's roles",
  ],
  [
    /_wildcard_at_end"/,
    "invalid_argument",
    'Expected a subject to be exact, or a prefix with one "*" at its end',
  ],
  [
    /_max_token_lifetime_is_sane"/,
    "invalid_argument",
    "Expected the longest lifetime of a token to be from 1 second to 1 day",
  ],
  [
    /_max_exchange_lifetime_is_sane"/,
    "invalid_argument",
    "Expected the longest life of an exchanged token to be from 60 seconds to 15 minutes",
  ],
  [
    /_valid_for_some_time"/,
    "invalid_argument",
    "Expected the key's begin to be earlier than its end",
  ],
  [
    /_are_names"/,
    "invalid_argument",
    "Expected a list of at most 256 names, each of 1 to 255 visible characters",
  ],
];

const SCHEMA_ADVICE = "apply Countersign's migrations (supabase db push, or applyMigrations)";

/** Turns what Postgres said into an error with a code. The same refusal gives the same error over REST and over SQL. */
export function databaseError(
  { sqlstate, message, hint }: DatabaseRefusal,
  host: string,
): RegistryError {
  const said = hint === "" ? message : `${message}; ${hint}`;
  const rule = RAISED.has(sqlstate) ? RULES.find(([words]) => words.test(message)) : undefined;
  if (rule !== undefined) return new RegistryError(rule[1], rule[2] ?? said, { sqlstate });
  const code = (Object.hasOwn(CODES, sqlstate) && CODES[sqlstate]) || "refused_by_database";
  return new RegistryError(code, explained(code, said, host), { sqlstate });
}

function explained(code: RegistryErrorCode, said: string, host: string): string {
  switch (code) {
    case "schema_missing":
      return `Expected the registry's tables on "${host}": ${SCHEMA_ADVICE}`;
    case "not_authorized":
      return `Expected credentials that may administer the registry on "${host}": ${said}`;
    case "unreachable":
      return `Expected the database of "${host}" to answer: ${said}`;
    default:
      return said;
  }
}

/**
 * Turns what postgres.js threw into an error with a code. What came from elsewhere, a caller's own callback for one,
 * passes unchanged.
 */
export function failedQuery(error: unknown, host: string): unknown {
  if (error instanceof RegistryError) return error;
  const { name, code, message, hint } = parts(error);
  if (name === "PostgresError") return databaseError({ sqlstate: code, message, hint }, host);
  if (code === "") return error;
  // The error of a driver or a socket can name what it was given, so only its code is kept.
  const reason = error instanceof PostgresConnectionError ? error.message : code;
  return new RegistryError("unreachable", `Cannot connect to Postgres at "${host}": ${reason}`);
}

function parts(error: unknown): Record<"name" | "code" | "message" | "hint", string> {
  const of = (name: string) => {
    const value = typeof error === "object" && error !== null ? Reflect.get(error, name) : "";
    return typeof value === "string" ? value : "";
  };
  return { name: of("name"), code: of("code"), message: of("message"), hint: of("hint") };
}
