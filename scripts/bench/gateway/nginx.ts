/** nginx as the upstream that answers every request alike, as a plain proxy, and as the how-to configures it. */
import {
  type NginxSettings,
  startNginx,
  writeNginxConfiguration,
} from "@countersign/fixture/stage";

const HEAD = (folder: string) => `
${Deno.uid() === 0 ? "user root;" : ""}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/start.log;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000;
  ${
  ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`).join("\n  ")
}
`;

/** nginx, and the process of it that works. */
export interface Nginx {
  readonly origin: string;
  readonly pid: number;
}

/** PostgREST's answer to a query for one row, from memory. */
export async function startConstantUpstream(opened: AsyncDisposableStack): Promise<Nginx> {
  return await start(opened, (port) => `
  server {
    listen 127.0.0.1:${port};
    location / {
      default_type "application/json; charset=utf-8";
      return 200 '[{"id":1,"name":"sprocket"}]';
    }
  }`);
}

/** The least that nginx can do between a client and the upstream. */
export async function startPlainProxy(
  opened: AsyncDisposableStack,
  upstream: string,
): Promise<Nginx> {
  return await start(opened, (port) => `
  upstream postgrest { server ${new URL(upstream).host}; keepalive 32; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://postgrest;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }`);
}

/** The gateway of the how-to. */
export async function startGateway(
  opened: AsyncDisposableStack,
  settings: Omit<NginxSettings, "port">,
): Promise<Nginx> {
  const { folder, port } = await place(opened);
  await writeNginxConfiguration(folder, { ...settings, port });
  return await running(folder, port, opened);
}

async function start(
  opened: AsyncDisposableStack,
  site: (port: number) => string,
): Promise<Nginx> {
  const { folder, port } = await place(opened);
  await Deno.writeTextFile(`${folder}/nginx.conf`, `${HEAD(folder)}${site(port)}\n}\n`);
  return await running(folder, port, opened);
}

async function running(
  folder: string,
  port: number,
  opened: AsyncDisposableStack,
): Promise<Nginx> {
  const master = await startNginx(folder, port, opened);
  const children = await Deno.readTextFile(`/proc/${master}/task/${master}/children`);
  return { origin: `http://127.0.0.1:${port}`, pid: Number.parseInt(children) };
}

/** A folder in memory, as the how-to's cache is. */
async function place(opened: AsyncDisposableStack): Promise<{ folder: string; port: number }> {
  const folder = await Deno.makeTempDir({ dir: "/dev/shm", prefix: "countersign-nginx-" });
  opened.defer(() => Deno.remove(folder, { recursive: true }));
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return { folder, port };
}
