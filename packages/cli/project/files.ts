import { MIGRATIONS } from "@countersign/registry-admin";
import config from "../deno.json" with { type: "json" };

/** A file of a Supabase project. */
export interface ProjectFile {
  /** From the project's folder, with slashes. */
  readonly path: string;
  readonly content: string;
}

/** Where the Supabase CLI keeps migrations. */
export const MIGRATIONS_FOLDER = "supabase/migrations";
/** Where the Supabase CLI looks for the function `rest`, unless it is told otherwise. */
export const FUNCTION_FOLDER = "supabase/functions/rest";

/** The same as `functions/rest/index.ts` of this repository, which is deployed from here. */
const ENTRYPOINT = `/**
 * The Edge Function \`rest\`: configuration from the environment, and one call into swap-proxy.
 *
 * @module
 */
import { createJwtSwapProxy, proxyOptionsFromEnv } from "@countersign/swap-proxy";

const env = Deno.env.toObject();
const handler = createJwtSwapProxy(proxyOptionsFromEnv(env));

Deno.serve({ port: Number(env.PORT ?? 8000) }, handler);
`;

/** A release of the CLI goes with the release of the proxy that has its number. */
const IMPORT_MAP = `{
  "imports": {
    "@countersign/swap-proxy": "jsr:@countersign/swap-proxy@^${config.version}"
  }
}
`;

/** What a project needs beside its configuration: the registry's migrations, and the function. */
export function projectFiles(): ProjectFile[] {
  return [
    ...MIGRATIONS.map(({ name, sql }) => ({ path: `${MIGRATIONS_FOLDER}/${name}`, content: sql })),
    { path: `${FUNCTION_FOLDER}/index.ts`, content: ENTRYPOINT },
    { path: `${FUNCTION_FOLDER}/deno.json`, content: IMPORT_MAP },
  ];
}
