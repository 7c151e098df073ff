/** The platform's management API on loopback, as far as a test answers for it. */

export const PROJECT_REF = "abcdefghijklmnopqrst";
const ACCESS_TOKEN = `sbp_${"0".repeat(40)}`;

export interface ManagementApi extends AsyncDisposable {
  /** Flags with which the CLI asks here, and for this project. */
  readonly flags: readonly string[];
  /** The environment in which it is logged in. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Serves until it is disposed of.
 *
 * @param routes Answers by method and path below the project; everything else is unknown.
 */
export async function serveManagementApi(
  routes: Readonly<Record<string, (request: Request) => Promise<Response>>>,
): Promise<ManagementApi> {
  await using started = new AsyncDisposableStack();
  const project = `/v1/projects/${PROJECT_REF}`;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, search } = new URL(request.url);
    if (request.headers.get("authorization") !== `Bearer ${ACCESS_TOKEN}`) {
      return Response.json({ message: "Unauthorized" }, { status: 401 });
    }
    if (request.method === "GET" && pathname === project) return Response.json({});
    const route = routes[`${request.method} ${pathname.replace(project, "")}${search}`];
    return route?.(request) ?? Response.json({ message: "Not Found" }, { status: 404 });
  });
  started.defer(() => server.shutdown());
  const url = `http://127.0.0.1:${server.addr.port}`;
  const profile = started.adopt(
    await Deno.makeTempFile({ suffix: ".yaml" }),
    (path) => Deno.remove(path),
  );
  await Deno.writeTextFile(
    profile,
    [
      "name: loopback",
      `api_url: ${url}`,
      `dashboard_url: ${url}`,
      "project_host: 127.0.0.1",
      "pooler_host: 127.0.0.1",
    ].join("\n"),
  );
  const running = started.move();
  return {
    flags: [`--remote=${PROJECT_REF}`, "--profile", profile, "--yes"],
    env: { SUPABASE_ACCESS_TOKEN: ACCESS_TOKEN },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
