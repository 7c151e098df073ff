/**
 * Deploys a function with the real Supabase CLI, and takes what the platform would be sent.
 *
 * The CLI follows relative and import-mapped specifiers and takes no lock file and no workspace
 * along, so what the function's `deno.json` does not map is missing at the other end.
 */
import { serveManagementApi } from "./management_api.ts";
import { supabase } from "./supabase_cli.ts";
import { unpackUpload } from "./unpack_upload.ts";

export interface Deployment {
  /** What the CLI tells the platform about the function. */
  readonly settings: Record<string, unknown>;
  /** The size of each uploaded file, in bytes, by its name. */
  readonly files: ReadonlyMap<string, number>;
}

/** Deploys the function `rest` of the project in the folder `project`, into the empty folder `into`. */
export async function deployFunction(project: string, into: string): Promise<Deployment> {
  const uploads: FormData[] = [];
  await using api = await serveManagementApi({
    "POST /functions/deploy?slug=rest": async (request) => {
      uploads.push(await request.formData());
      const deployed = { id: "1", slug: "rest", name: "rest", version: 1, status: "ACTIVE" };
      return Response.json(deployed, { status: 201 });
    },
  });
  await supabase(project, ["functions", "deploy", "rest", "--use-api", ...api.flags], api.env);
  const [upload, ...more] = uploads;
  if (upload === undefined || more.length > 0) {
    throw new Error(`Expected one upload, got ${uploads.length}`);
  }
  return {
    settings: JSON.parse(String(upload.get("metadata"))),
    files: await unpackUpload(upload, into),
  };
}
