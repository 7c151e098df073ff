/**
 * The least that checks an RS256 signature and signs again: WebCrypto's verify, WebCrypto's HMAC, and the bare
 * proxy's `fetch`. It reads no claim, so it is no proxy to be used; it is what any must cost. Arguments: the
 * upstream's URL, the issuer's public key in PEM, the JWT secret.
 */
import { Buffer } from "node:buffer";

const [upstream, publicKeyPem = "", secret] = Deno.args;
const encoder = new TextEncoder();
const publicKey = await crypto.subtle.importKey(
  "spki",
  Buffer.from(publicKeyPem.replaceAll(/-.*-|\s/g, ""), "base64"),
  { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  false,
  ["verify"],
);
const secretKey = await crypto.subtle.importKey(
  "raw",
  encoder.encode(secret),
  { name: "HMAC", hash: "SHA-256" },
  false,
  ["sign"],
);
const header = Buffer.from(JSON.stringify({ alg: "HS256", typ: "JWT" })).toString("base64url");

Deno.serve({ hostname: "127.0.0.1", port: 0 }, async (request) => {
  const headers = new Headers(request.headers);
  const token = headers.get("authorization")?.slice("Bearer ".length) ?? "";
  const signed = token.slice(0, token.lastIndexOf("."));
  const signature = Buffer.from(token.slice(signed.length + 1), "base64url");
  if (
    !await crypto.subtle.verify(
      "RSASSA-PKCS1-v1_5",
      publicKey,
      signature,
      encoder.encode(signed),
    )
  ) return new Response(null, { status: 401 });

  const input = `${header}.${signed.slice(signed.indexOf(".") + 1)}`;
  const mac = await crypto.subtle.sign("HMAC", secretKey, encoder.encode(input));
  headers.set("authorization", `Bearer ${input}.${Buffer.from(mac).toString("base64url")}`);
  const { pathname, search } = new URL(request.url);
  return fetch(upstream + pathname + search, {
    method: request.method,
    headers,
    body: request.body,
  });
});
