/**
 * A JSR on loopback, to which our packages are really published: what a project then imports is what JSR would serve, with
 * the files that publishing leaves out left out, and the specifiers that it rewrites rewritten.
 */
import { join, relative } from "node:path";

const PACKAGES = new URL("../../../../packages/", import.meta.url);

export interface LoopbackJsr extends AsyncDisposable {
  /** What `JSR_URL` has to be for Deno to ask here. */
  readonly url: string;
  /** What was asked for so far, as `name@version`. */
  readonly served: ReadonlySet<string>;
}

interface Published {
  readonly version: string;
  readonly exports: unknown;
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/** Publishes the packages of these names, and serves them. */
export async function publishToLoopback(names: readonly string[]): Promise<LoopbackJsr> {
  const packages = new Map<string, Published>();
  const served = new Set<string>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      const [, name = "", version = ""] =
        /^\/api\/scopes\/countersign\/packages\/([\w-]+)(?:\/versions\/([\w.-]+))?$/.exec(
          pathname,
        ) ?? [];
      if (request.method === "POST") {
        packages.set(`@countersign/${name}`, await unpack(version, await request.bytes()));
        return Response.json({ id: crypto.randomUUID(), status: "success", error: null });
      }
      // Deno asks first whether the version is there already.
      if (version !== "") return Response.json({ code: "packageVersionNotFound" }, { status: 404 });
      return name === "" ? await serve(pathname, packages, served) : Response.json({});
    },
  );
  const url = `http://127.0.0.1:${server.addr.port}/`;
  try {
    for (const name of names) await publish(name, url);
  } catch (error) {
    await server.shutdown();
    throw error;
  }
  return { url, served, [Symbol.asyncDispose]: () => server.shutdown() };
}

async function publish(name: string, url: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    // The types are checked elsewhere; the token is for nobody.
    args: ["publish", "--allow-dirty", "--no-check", "--no-provenance", "--token=loopback"],
    cwd: new URL(name, PACKAGES),
    env: { JSR_URL: url, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  if (!success) throw new Error(`"${name}" was not published: ${new TextDecoder().decode(stderr)}`);
}

async function unpack(version: string, tarball: Uint8Array<ArrayBuffer>): Promise<Published> {
  const folder = await Deno.makeTempDir();
  try {
    const tar = new Deno.Command("tar", { args: ["-xz", "-C", folder], stdin: "piped" }).spawn();
    await new Blob([tarball]).stream().pipeTo(tar.stdin);
    if (!(await tar.status).success) throw new Error("tar could not unpack what was published");
    const files = new Map<string, Uint8Array<ArrayBuffer>>();
    for await (const path of filesIn(folder)) {
      files.set(`/${relative(folder, path)}`, await Deno.readFile(path));
    }
    const config = JSON.parse(await Deno.readTextFile(join(folder, "deno.json")));
    const exports = typeof config.exports === "string" ? { ".": config.exports } : config.exports;
    return { version, exports, files };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function* filesIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* filesIn(path);
    else yield path;
  }
}

/** The parts of JSR's interface that a resolver asks (jsr.io/docs/api): versions, a version's manifest, its files. */
async function serve(
  pathname: string,
  packages: ReadonlyMap<string, Published>,
  served: Set<string>,
): Promise<Response> {
  const [, name = "", rest = ""] = /^\/(@[\w-]+\/[\w-]+)\/(.+)$/.exec(pathname) ?? [];
  const published = packages.get(name);
  if (published === undefined) return new Response("not published", { status: 404 });
  const { version, exports, files } = published;
  if (rest === "meta.json") {
    const [scope, packageName] = name.slice(1).split("/");
    return Response.json({
      scope,
      name: packageName,
      latest: version,
      versions: { [version]: {} },
    });
  }
  if (rest === `${version}_meta.json`) {
    served.add(`${name}@${version}`);
    const manifest: Record<string, { size: number; checksum: string }> = {};
    for (const [path, bytes] of files) {
      manifest[path] = { size: bytes.length, checksum: `sha256-${await sha256(bytes)}` };
    }
    return Response.json({ manifest, exports });
  }
  const file = rest.startsWith(`${version}/`) ? files.get(rest.slice(version.length)) : undefined;
  return file === undefined
    ? new Response("no such file", { status: 404 })
    : new Response(file, { headers: { "content-type": "application/typescript" } });
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
