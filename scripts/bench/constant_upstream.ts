/**
 * Answers every request alike, and at once: PostgREST's answer to a query for one row. The one exception is the
 * function's question who reads the role, which it puts when it likes.
 */
import { payloadOf } from "@countersign/fixture";

const headers = { "content-type": "application/json; charset=utf-8", "content-range": "0-0/*" };

Deno.serve({ hostname: "127.0.0.1", port: 0 }, (request) => {
  if (request.url.includes("/jwt_registry_version")) return roleDoesNotExist(request);
  return new Response('[{"id":1,"name":"sprocket"}]', { headers });
});

function roleDoesNotExist({ headers }: Request): Response {
  const { role } = payloadOf(headers.get("authorization") ?? "");
  const error = { code: "22023", message: `role "${role}" does not exist` };
  return Response.json(error, { status: 400 });
}
