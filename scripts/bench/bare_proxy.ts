/**
 * The least that a proxy on Deno can do: what it costs is not Countersign's. Arguments: the
 * upstream's URL.
 */
const [upstream] = Deno.args;

Deno.serve({ hostname: "127.0.0.1", port: 0 }, (request) => {
  const { pathname, search } = new URL(request.url);
  return fetch(upstream + pathname + search, {
    method: request.method,
    headers: request.headers,
    body: request.body,
  });
});
