import {
  getIssuerRecord,
  getPolicy,
  type RegistryTarget,
  roleStandings,
} from "@countersign/registry-admin";
import { defaultAudience } from "@countersign/swap-proxy";
import { type Algorithm, importPublicKey, type IssuerRecord, keyId } from "@countersign/verifier";
import { usage } from "../errors.ts";
import type { CliIo } from "../io.ts";
import { readInput } from "../options/input.ts";
import { registryTarget, type TargetOptions } from "../options/registry_target.ts";
import { serverUrl } from "../options/url_options.ts";
import type { ExplainOptions } from "./explain_token.ts";
import { federationOf } from "./federation.ts";
import { type FunctionView, functionView, readsRegistry } from "./function_view.ts";
import { readUnverified } from "./read_unverified.ts";

/** What the command line says of the other side. */
export interface AgainstOptions extends TargetOptions {
  readonly algorithm: Algorithm;
  readonly audience?: readonly string[];
  readonly functionUrl?: string;
  readonly rule?: string;
}

type Against = Omit<ExplainOptions, "token" | "now"> & { readonly now?: () => number };

/** The registry's record of the issuer, and what the function reports of itself. */
export async function fromRegistry(
  token: string,
  options: AgainstOptions,
  io: CliIo,
): Promise<Against & { readonly functionUrl: string | undefined }> {
  const target = await registryTarget(options, io);
  const { iss } = readUnverified(token).claims;
  const functionUrl = functionUrlOf(target, options, io);
  const [record, view] = await Promise.all([
    typeof iss === "string" ? getIssuerRecord(target, iss) : undefined,
    functionUrl === undefined ? undefined : functionView(functionUrl, io),
  ]);
  const federation = record === undefined && typeof iss === "string"
    ? await federationOf(target, iss, io)
    : undefined;
  const same = view === undefined ? undefined : await readsRegistry(view, target);
  const seen = same === false ? undefined : view;
  const notAsked = unknownOf(functionUrl, view, same, io.env.COUNTERSIGN_ALLOWED_ISSUERS);
  const audience = audienceOf(options, io) ?? seen?.facts.audience ??
    ("supabaseUrl" in target ? defaultAudience(new URL(target.supabaseUrl)) : undefined);
  return {
    functionUrl,
    record,
    ...(federation && { federation }),
    ...(options.rule === undefined ? {} : { rule: options.rule }),
    ...allowedIssuers(seen, io.env.COUNTERSIGN_ALLOWED_ISSUERS),
    ...(record !== undefined && { refusedRoles: await refusedRoles(target, record) }),
    ...(audience !== undefined && { audience }),
    ...(seen !== undefined && seen.ahead !== 0 && { now: () => io.now() + seen.ahead }),
    ...(audience === undefined &&
      { unchecked: { audience: "give --audience, or the target's URL" } }),
    notAsked,
  };
}

/** The operator's own list stands for the function's, where that has one. */
function allowedIssuers(
  view: FunctionView | undefined,
  list: string | undefined,
): Pick<ExplainOptions, "allowedIssuers"> {
  if (view?.facts.issuersRestricted === false || !list) return {};
  const names = list.split(",").map((name) => name.trim()).filter((name) => name !== "");
  return names.length === 0 ? {} : { allowedIssuers: names };
}

function unknownOf(
  url: string | undefined,
  view: FunctionView | undefined,
  same: boolean | undefined,
  list: string | undefined,
): string[] {
  if (url === undefined) return ["the function, whose URL was not given"];
  if (view === undefined) return [`the function, which does not answer at ${url}`];
  if (same === false) {
    return [`the registry that the function at ${url} reads, which is another one`];
  }
  const { facts: { issuersRestricted, audience } } = view;
  return [
    ...audience === undefined ? ["the function's audience, which it does not report"] : [],
    ...same === undefined ? ["whether the function reads this registry"] : [],
    ...issuersRestricted === true && !list
      ? ["whether COUNTERSIGN_ALLOWED_ISSUERS of the function names the issuer"]
      : [],
  ];
}

function functionUrlOf(
  target: RegistryTarget,
  options: AgainstOptions,
  { env }: CliIo,
): string | undefined {
  if (options.functionUrl !== undefined) return serverUrl("--function-url", options.functionUrl);
  const project = "supabaseUrl" in target ? target.supabaseUrl : env.SUPABASE_URL;
  return project ? `${project.replace(/\/+$/, "")}/functions/v1/rest` : undefined;
}

/** The view that verifiers read leaves refused roles out; the issuer's own row still names them. */
async function refusedRoles(
  target: RegistryTarget,
  { issuer }: IssuerRecord,
): Promise<Record<string, string>> {
  const { refusedRoles } = await getPolicy(target, issuer);
  if (refusedRoles.length === 0) return {};
  if ("supabaseUrl" in target) {
    const why = "is unsafe or missing; --database-url shows why";
    return Object.fromEntries(refusedRoles.map((role) => [role, why]));
  }
  const standings = await roleStandings(target, refusedRoles);
  return Object.fromEntries(
    standings.map(({ role, refusal }) => [role, refusal ?? "was refused a moment ago"]),
  );
}

/** The target's audiences: from the flag, or from what configures the function. */
function audienceOf(
  { audience }: AgainstOptions,
  { env }: CliIo,
): readonly string[] | undefined {
  if (audience?.includes("") === true) usage("Expected --audience to be a name, found nothing");
  if (audience !== undefined) return audience;
  const names = (env.COUNTERSIGN_AUDIENCE ?? "").split(",").map((name) => name.trim())
    .filter((name) => name !== "");
  return names.length > 0 ? names : undefined;
}

/** A registry of one key, with the widest policy: only the key is in question. */
export async function fromPublicKey(
  token: string,
  path: string,
  options: AgainstOptions,
  io: CliIo,
): Promise<Against> {
  const { algorithm } = options;
  const audience = audienceOf(options, io);
  const publicKey = await readInput(path, "a public key", io);
  await importPublicKey(publicKey, algorithm);
  const { claims } = readUnverified(token);
  const role = typeof claims.role === "string" ? claims.role : "any";
  const record: IssuerRecord = {
    issuer: typeof claims.iss === "string" ? claims.iss : "",
    isActive: true,
    policy: {
      allowedRoles: [role],
      defaultRole: role,
      allowedSubjects: null,
      allowUserSubjects: true,
      allowedClaims: Object.keys(claims),
      audiences: null,
      maxTokenLifetime: Number.MAX_SAFE_INTEGER,
      rejectIssuedBefore: null,
      singleUse: false,
      mode: "enforce",
    },
    keys: [{ kid: await keyId(publicKey), algorithm, publicKey, notBefore: null, notAfter: null }],
    revokedKids: [],
  };
  const unchecked = { issuer: "no registry was asked", policy: "no registry was asked" };
  return audience === undefined
    ? { record, unchecked: { ...unchecked, audience: "give --audience" } }
    : { record, audience, unchecked };
}
