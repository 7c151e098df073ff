import {
  databaseTime,
  type Exposure,
  exposure,
  type IssuerSummary,
  listIssuers,
  listProviders,
  listRules,
  type OpenDatabase,
  type RegisteredProvider,
  type RegisteredRule,
  RegistryError,
  type RegistryIdentity,
  registryIdentity,
  type RelationAccess,
  type RestTarget,
  roleAccess,
} from "@countersign/registry-admin";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import type { CliIo } from "../io.ts";
import { type Answer, ask, type Reading } from "./ask.ts";
import { type Readiness, readinessIn } from "./readiness.ts";

/** Something that could not be had: what it needs was not given, or it failed. */
export interface Unavailable {
  readonly why: string;
  readonly error?: RegistryError;
}

/** A target, as far as its operator gives access. Every question is asked once, however many checks need it. */
export interface Target {
  /** Without a slash at its end. */
  readonly url: string;
  /** Where the function answers. */
  readonly functionUrl: string;
  /** Names in the operator's own COUNTERSIGN_ALLOWED_ISSUERS, if it is set. */
  readonly allowedIssuers: readonly string[] | undefined;
  readonly now: () => number;
  /** The function's `/-/healthz`, asked with a token that the platform would reject, and the function does not read. */
  readonly health: () => Promise<Answer>;
  /** Where else Countersign answers at this address, if it does. */
  readonly elsewhere: () => Promise<string | undefined>;
  /** The function's `/-/readyz`. */
  readonly ready: () => Promise<Readiness>;
  /** PostgREST, through the gateway and past the function. */
  readonly postgrest: () => Promise<Answer | undefined>;
  /** The schemas that PostgREST serves, as it reports them. */
  readonly exposedSchemas: () => Promise<readonly string[] | undefined>;
  /** The database, once it has answered. */
  readonly database: () => Promise<OpenDatabase & Reading | Unavailable>;
  /** The issuers, read from the database, or else over REST. */
  readonly issuers: () => Promise<readonly IssuerSummary[] | Unavailable>;
  /** OIDC providers, and the rules by which their tokens act as issuers. */
  readonly federation: () => Promise<Federation | Unavailable>;
  /** Asks anything for what it says to everybody. */
  readonly ask: (url: string) => Promise<Answer>;
  /** Which registry that is, and its version. */
  readonly registryIdentity: () => Promise<RegistryIdentity | Unavailable>;
  /** Asks for the same two facts again until they agree, as long as a change may be on its way to the function. */
  readonly registryAgain: () => Promise<[Readiness["facts"], RegistryIdentity]>;
  /** What the roles of active issuers may do. */
  readonly relations: () => Promise<readonly RelationAccess[] | Unavailable>;
  readonly exposure: () => Promise<Exposure | Unavailable>;
}

/** Everything that lets a provider's token act as an issuer. */
export interface Federation {
  readonly providers: readonly RegisteredProvider[];
  readonly rules: readonly RegisteredRule[];
}

/** What its operator gives access to. */
export interface Access {
  readonly url: string;
  readonly functionUrl: string;
  readonly apikey: string | undefined;
  readonly allowedIssuers: readonly string[] | undefined;
  readonly registry: RestTarget | undefined;
  readonly database: OpenDatabase | Unavailable;
}

/** PostgREST and a project have no function of this name; only what is in between can answer otherwise than with 404. */
const NO_FUNCTION = "countersign_doctor";
/** No project has a schema of this name; PostgREST names those that it has. */
const NO_SCHEMA = "countersign_doctor";
/** Milliseconds in which a function sees a change, and a little more. */
const FRESH_AFTER = 6_000;
const ASK_EVERY = 500;

/** The roles that active issuers may claim. */
export function rolesOf(issuers: readonly IssuerSummary[]): string[] {
  return [
    ...new Set(issuers.filter(({ isActive }) => isActive).flatMap(({ policy }) => policy.roles)),
  ];
}

/** Those of them that the database does not refuse. */
function usableRolesOf(issuers: readonly IssuerSummary[]): string[] {
  const refused = new Set(issuers.flatMap(({ policy }) => policy.refusedRoles));
  return rolesOf(issuers).filter((role) => !refused.has(role));
}

/** Prepares the questions. None is asked until a check wants its answer. */
export function examine(access: Access, io: CliIo): Target {
  const { url, functionUrl, apikey, allowedIssuers, registry } = access;
  const database = once(() => openedDatabase(access, io));
  const health = once(() =>
    ask(`${functionUrl}/-/healthz`, { authorization: `Bearer ${foreignToken(io.now())}` }, io)
  );
  const issuers = once(async () => {
    const found = await database();
    const target = "why" in found ? registry ?? found : found;
    if ("why" in target) {
      return target.error === undefined ? { why: `${target.why}, or a service key` } : target;
    }
    return await unlessRefused("the registry cannot be read", () => listIssuers(target, io));
  });
  const inDatabase = <T>(read: (found: OpenDatabase) => Promise<T>) =>
    once(async () => {
      const found = await database();
      return "why" in found
        ? found
        : await unlessRefused("the catalogs cannot be read", () => read(found));
    });
  /** Of a role that is refused nothing else matters. */
  const ofRoles = <T>(read: (found: OpenDatabase, roles: string[]) => Promise<T>) =>
    inDatabase(async (found) => {
      const registered = await issuers();
      return await read(found, "why" in registered ? [] : usableRolesOf(registered));
    });
  const ready = async () => readinessIn(await ask(`${functionUrl}/-/readyz`, {}, io));
  return {
    url,
    functionUrl,
    allowedIssuers,
    now: io.now,
    health,
    elsewhere: once(() => otherMount(access, io)),
    ready: once(ready),
    postgrest: once(() => askPostgrest(access, {}, io)),
    exposedSchemas: once(async () => {
      const answer = await askPostgrest(access, { "accept-profile": NO_SCHEMA }, io);
      return answer === undefined ? undefined : schemasIn(answer);
    }),
    database,
    issuers,
    federation: once(async () => {
      const found = await database();
      const target = "why" in found ? registry ?? found : found;
      if ("why" in target) {
        return target.error === undefined ? { why: `${target.why}, or a service key` } : target;
      }
      return await unlessRefused("the registry cannot be read", async () => ({
        providers: await listProviders(target),
        rules: await listRules(target),
      }));
    }),
    ask: (at) => ask(at, { accept: "application/json" }, io),
    registryIdentity: inDatabase(registryIdentity),
    registryAgain: once(async () => {
      const found = await database();
      if ("why" in found) throw found.error ?? new TypeError(found.why);
      const began = io.now();
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, ASK_EVERY));
        const { facts } = await ready();
        const identity = await registryIdentity(found);
        const agree = facts.registryVersion === identity.version;
        if (agree || Math.abs(io.now() - began) > FRESH_AFTER) return [facts, identity];
      }
    }),
    relations: ofRoles(roleAccess),
    exposure: ofRoles(exposure),
  };

  async function askPostgrest(
    { url }: Access,
    headers: Readonly<Record<string, string>>,
    io: CliIo,
  ): Promise<Answer | undefined> {
    if (apikey === undefined) return undefined;
    const at = `${url}/rest/v1/rpc/${NO_FUNCTION}`;
    return await ask(at, { apikey, accept: "application/json", ...headers }, io);
  }
}

async function openedDatabase(
  { database }: Access,
  io: CliIo,
): Promise<OpenDatabase & Reading | Unavailable> {
  if ("why" in database) return database;
  return await unlessRefused("the database cannot be read", async () => {
    const asked = io.now();
    const time = await databaseTime(database);
    const answered = io.now();
    return {
      ...database,
      ahead: time - (asked + answered) / 2,
      uncertainty: (answered - asked) / 2,
    };
  });
}

/** `countersign serve` answers without the platform's prefix, and a self-hosted gateway where its operator wants. */
async function otherMount({ url, functionUrl }: Access, io: CliIo): Promise<string | undefined> {
  const mounts = [`${url}/functions/v1/rest`, `${url}/rest`].filter((at) => at !== functionUrl);
  const answers = await Promise.all(mounts.map((at) => ask(`${at}/-/healthz`, {}, io)));
  return mounts.find((_, index) => answers[index]?.body.status === "ok");
}

/** `The schema must be one of the following: public, storage`, in PostgREST 12; in its hint, from 13 on. */
function schemasIn({ body }: Answer): readonly string[] | undefined {
  const said = `${body.message ?? ""} ${body.hint ?? ""}`;
  return body.code === "PGRST106"
    ? /: ([\w$, -]+)/.exec(said)?.[1]?.split(",").map((name) => name.trim())
    : undefined;
}

async function unlessRefused<T>(why: string, read: () => Promise<T>): Promise<T | Unavailable> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof RegistryError) return { why, error };
    throw error;
  }
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => asked ??= ask();
}

/** Well-formed, and signed by nobody: the function's health does not look at it, the platform's verification would. */
function foreignToken(now: number): string {
  const iat = Math.floor(now / 1000);
  const json = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return [
    json({ alg: "RS256", typ: "JWT" }),
    json({ iss: "countersign-doctor", sub: "doctor", iat, exp: iat + 60 }),
    randomBytes(256).toString("base64url"),
  ].join(".");
}
