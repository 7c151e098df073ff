import {
  databaseTime,
  type IssuerSummary,
  listIssuers,
  type OpenDatabase,
  RegistryError,
  type RestTarget,
} from "@countersign/registry-admin";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import type { CliIo } from "../io.ts";
import { type Answer, ask, type Reading } from "./ask.ts";

/** Something that could not be had: nobody gave what it needs, or it failed. */
export interface Unavailable {
  readonly why: string;
  readonly error?: RegistryError;
}

/** A target, and the ways to it that its operator gave. Every question is asked once, however many checks need it. */
export interface Target {
  /** Without a slash at its end. */
  readonly url: string;
  readonly now: () => number;
  /** The function's `/-/healthz`, asked with a token that only the function can tell from a good one. */
  readonly health: () => Promise<Answer>;
  /** The function's `/-/readyz`. */
  readonly readiness: () => Promise<Answer>;
  /** PostgREST, through the gateway and past the function. */
  readonly postgrest: () => Promise<Answer | undefined>;
  /** The database, once it has answered. */
  readonly database: () => Promise<OpenDatabase & Reading | Unavailable>;
  /** The issuers, read from the database, or else over REST. */
  readonly issuers: () => Promise<readonly IssuerSummary[] | Unavailable>;
}

/** The ways to a target. */
export interface Access {
  readonly url: string;
  readonly apikey: string | undefined;
  readonly registry: RestTarget | undefined;
  readonly database: OpenDatabase | Unavailable;
}

/** PostgREST and a project have no function of this name; only whoever is in between can answer otherwise than with 404. */
const NO_FUNCTION = "countersign_doctor";

export function examine({ url, apikey, registry, database }: Access, io: CliIo): Target {
  const rest = `${url}/functions/v1/rest`;
  const databaseOnce = once(async () => {
    if ("why" in database) return database;
    return await unlessRefused("the database can't be read", async () => {
      const asked = io.now();
      const time = await databaseTime(database);
      const answered = io.now();
      return {
        ...database,
        ahead: time - (asked + answered) / 2,
        uncertainty: (answered - asked) / 2,
      };
    });
  });
  return {
    url,
    now: io.now,
    health: once(() =>
      ask(`${rest}/-/healthz`, { authorization: `Bearer ${foreignToken(io.now())}` }, io)
    ),
    readiness: once(() => ask(`${rest}/-/readyz`, {}, io)),
    postgrest: once(async () =>
      apikey === undefined
        ? undefined
        : await ask(`${url}/rest/v1/rpc/${NO_FUNCTION}`, { apikey, accept: "application/json" }, io)
    ),
    database: databaseOnce,
    issuers: once(async () => {
      const found = await databaseOnce();
      const target = "why" in found ? registry ?? found : found;
      if ("why" in target) {
        return target.error === undefined ? { why: `${target.why}, or a service key` } : target;
      }
      return await unlessRefused(
        "the registry can't be read",
        () => listIssuers(target, { now: io.now }),
      );
    }),
  };
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
