/**
 * Deploys a function with the real Supabase CLI to a management API on loopback, which takes what the platform
 * would be sent.
 *
 * The CLI follows relative and import-mapped specifiers and takes no lock file and no workspace along, so what
 * the function's `deno.json` does not map is missing at the other end.
 */
import { supabase } from "./supabase_cli.ts";
import { unpackUpload } from "./unpack_upload.ts";

const PROJECT_REF = "abcdefghijklmnopqrst";
const ACCESS_TOKEN = `sbp_${"0".repeat(40)}`;

export interface Deployment {
  /** What the CLI tells the platform about the function. */
  readonly settings: Record<string, unknown>;
  /** The size of each uploaded file, in bytes, by its name. */
  readonly files: ReadonlyMap<string, number>;
}

/** Deploys the function `rest` of the project in the folder `project`, into the empty folder `into`. */
export async function deployFunction(project: string, into: string): Promise<Deployment> {
  const uploads: FormData[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname, search } = new URL(request.url);
      if (request.headers.get("authorization") !== `Bearer ${ACCESS_TOKEN}`) {
        return Response.json({ message: "Unauthorized" }, { status: 401 });
      }
      switch (`${request.method} ${pathname}${search}`) {
        case `POST /v1/projects/${PROJECT_REF}/functions/deploy?slug=rest`:
          uploads.push(await request.formData());
          return Response.json({
            id: "1",
            slug: "rest",
            name: "rest",
            version: 1,
            status: "ACTIVE",
          }, { status: 201 });
        case `GET /v1/projects/${PROJECT_REF}`:
          return Response.json({});
        default:
          return Response.json({ message: "Not Found" }, { status: 404 });
      }
    },
  );
  const api = `http://127.0.0.1:${server.addr.port}`;
  const profile = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(
      profile,
      [
        "name: loopback",
        `api_url: ${api}`,
        `dashboard_url: ${api}`,
        "project_host: 127.0.0.1",
        "pooler_host: 127.0.0.1",
      ].join("\n"),
    );
    await supabase(
      project,
      [
        ...["functions", "deploy", "rest", "--use-api", "--yes"],
        ...[`--remote=${PROJECT_REF}`, "--profile", profile],
      ],
      { SUPABASE_ACCESS_TOKEN: ACCESS_TOKEN },
    );
  } finally {
    await Deno.remove(profile);
    await server.shutdown();
  }
  const [upload, ...more] = uploads;
  if (upload === undefined || more.length > 0) {
    throw new Error(`Expected one upload, got ${uploads.length}`);
  }
  return {
    settings: JSON.parse(String(upload.get("metadata"))),
    files: await unpackUpload(upload, into),
  };
}
