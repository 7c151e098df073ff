import {
  attempt,
  type AttemptResult,
  type IssuerSummary,
  RegistryError,
  type RelationAccess,
} from "@countersign/registry-admin";
import { type Check, type Finding, notChecked, ok, problem } from "./finding.ts";
import type { Target } from "./target.ts";

/** Requests that can be tried. */
export const METHODS = ["GET", "POST", "PATCH", "DELETE"] as const;

/** What its operator wants to know of one issuer. */
export interface AttemptOptions {
  readonly issuer: string;
  /** Without it, everything that the issuer's roles may do is listed. */
  readonly table: string | undefined;
  readonly method: typeof METHODS[number];
  readonly body: Readonly<Record<string, unknown>>;
  readonly subject: string;
}

/** Tries what an issuer would do, with each of its roles, and takes it back. */
export function attemptCheck(options: AttemptOptions): Check {
  return {
    name: "attempt",
    async run(target) {
      const registered = await target.issuers();
      if ("why" in registered) return notChecked(registered.why);
      const issuer = registered.find(({ issuer }) => issuer === options.issuer);
      if (issuer === undefined) {
        return problem(
          "issuer_unknown",
          `no issuer "${options.issuer}" is registered`,
          "countersign list shows them",
        );
      }
      const opened = await target.database();
      if ("why" in opened) return notChecked(opened.why);
      return options.table === undefined
        ? await listAccess(issuer, target)
        : await tryEach(issuer, options.table, options, target);
    },
  };
}

async function listAccess(
  { issuer, policy }: IssuerSummary,
  { relations }: Target,
): Promise<readonly Finding[]> {
  const found = await relations();
  if ("why" in found) return notChecked(found.why);
  const own = found.filter(({ role, granted }) =>
    policy.roles.includes(role) && granted.length > 0
  );
  return own.length === 0
    ? ok(`${issuer} was granted no table`)
    : own.flatMap((access) => ok(described(access)));
}

function described({ role, relation, granted, rowSecurity, policies }: RelationAccess): string {
  const gate = !rowSecurity
    ? "no row level security"
    : policies.length === 0
    ? "no policy"
    : `policies: ${policies.map(({ name, command }) => `${name} (${command})`).join(", ")}`;
  return `${role} may ${granted.join(", ")} on ${relation}; ${gate}`;
}

async function tryEach(
  { issuer, policy, keys }: IssuerSummary,
  table: string,
  { method, body, subject }: AttemptOptions,
  target: Target,
): Promise<readonly Finding[]> {
  const opened = await target.database();
  if ("why" in opened) return notChecked(opened.why);
  const claims = {
    iss: issuer,
    sub: subject,
    exp: Math.floor(target.now() / 1000) + 30,
    countersign: { kid: keys[0]?.kid ?? "", iat: Math.floor(target.now() / 1000) },
  };
  const findings: Finding[] = [];
  for (const role of policy.roles) {
    try {
      const result = await attempt(opened, { role, claims, table, method, body });
      findings.push(...judged(role, `${method} ${table}`, result));
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code !== "invalid_argument") throw error;
      return problem("table_unknown", error.message, "check its spelling, and give its schema");
    }
  }
  return findings.length === 0
    ? problem(
      "issuer_without_role",
      `${issuer} has no role: its tokens are rejected`,
      "countersign policy set --role",
    )
    : findings;
}

function judged(role: string, what: string, { rows, refusal }: AttemptResult): readonly Finding[] {
  if (refusal === undefined) {
    return rows > 0 || what.startsWith("POST")
      ? ok(`${what} as ${role}: works, rows: ${rows}`)
      : problem(
        "attempt_no_rows",
        `${what} as ${role}: no row is visible to it`,
        "check that the table has rows, and which policies apply: countersign doctor --issuer lists them",
      );
  }
  const { sqlstate, message } = refusal;
  return problem(
    "attempt_refused",
    `${what} as ${role}: ${message} (${sqlstate})`,
    fixFor(role, what, refusal),
  );
}

const PRIVILEGES: Readonly<Record<string, string>> = {
  GET: "select",
  POST: "insert",
  PATCH: "update",
  DELETE: "delete",
};

function fixFor(
  role: string,
  what: string,
  { sqlstate, message }: { sqlstate: string; message: string },
): string {
  const [method = "", table = ""] = what.split(" ");
  if (/row-level security/.test(message)) {
    return "write a policy for it, or give --body a row that passes the one there is: its columns decide";
  }
  const denied = /^permission denied for (\w+) (.+)$/.exec(message);
  if (denied?.[1] === "sequence") return `grant usage on sequence ${denied[2]} to ${role}`;
  if (denied?.[1] === "schema") return `grant usage on schema ${denied[2]} to ${role}`;
  if (denied?.[1] === "function") return `grant execute on function ${denied[2]} to ${role}`;
  if (denied !== null) return `grant ${PRIVILEGES[method]} on ${table} to ${role}`;
  if (sqlstate === "22P02") {
    return "something calls auth.uid(), whose sub is no UUID: see user_ids";
  }
  if (sqlstate.startsWith("23")) {
    return "grants and policies let it through; give --body a row that meets the constraint";
  }
  return "see the message of Postgres";
}
