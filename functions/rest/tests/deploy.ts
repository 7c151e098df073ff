/**
 * Deploys the function with the real Supabase CLI, to a server on loopback that takes what the
 * platform would be sent.
 *
 * The CLI follows relative and import-mapped specifiers and takes no lock file and no workspace
 * along, so what `functions/rest/deno.json` does not map is missing at the other end.
 */
import { dirname, join } from "node:path";

export const CLI = "supabase@3.1.0";
const ROOT = new URL("../../..", import.meta.url);
const PROJECT = "abcdefghijklmnopqrst";

/** Unpacks what the CLI uploads of `project` into `folder`, and returns the settings that it sends along. */
export async function deploy(
  folder: string,
  project: string | URL = ROOT,
): Promise<Record<string, unknown>> {
  const upload = Promise.withResolvers<FormData>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      if (request.method !== "POST") return Response.json({});
      upload.resolve(await request.formData());
      return Response.json({ id: "1", slug: "rest", name: "rest", version: 1, status: "ACTIVE" }, {
        status: 201,
      });
    },
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const profile = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(
      profile,
      `name: loopback\napi_url: ${url}\ndashboard_url: ${url}\nproject_host: supabase.co\n`,
    );
    const { success, stderr } = await new Deno.Command("npx", {
      args: [
        "-y",
        CLI,
        "--profile",
        profile,
        "functions",
        "deploy",
        "rest",
        "--use-api",
        "--yes",
        `--remote=${PROJECT}`,
      ],
      cwd: project,
      env: { SUPABASE_ACCESS_TOKEN: `sbp_${"0".repeat(40)}` },
      stdin: "null",
      stdout: "null",
    }).output();
    if (!success) throw new Error(`${CLI} did not deploy: ${new TextDecoder().decode(stderr)}`);
  } finally {
    await Deno.remove(profile);
    await server.shutdown();
  }

  const parts = await upload.promise;
  for (const file of parts.getAll("file")) {
    if (!(file instanceof File)) throw new TypeError("Expected every part named file to be a file");
    const path = join(folder, file.name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeFile(path, await file.bytes());
  }
  return JSON.parse(String(parts.get("metadata")));
}
