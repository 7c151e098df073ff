/**
 * The function that a target runs by default: what an Edge Function named `rest` is on the platform.
 *
 * @module
 */
import { createJwtSwapProxy, proxyOptionsFromEnv } from "@countersign/swap-proxy";

const env = Deno.env.toObject();

Deno.serve(
  { hostname: "127.0.0.1", port: Number(env.PORT) },
  createJwtSwapProxy(proxyOptionsFromEnv(env)),
);
