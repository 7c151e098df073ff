import { MIGRATIONS } from "@countersign/registry-admin";
import config from "../deno.json" with { type: "json" };
import { ENTRYPOINT } from "./entrypoint.ts";

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
