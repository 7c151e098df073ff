/**
 * The Edge Function `rest`: configuration from the environment, and one call into swap-proxy.
 *
 * @module
 */
import { createJwtSwapProxy, proxyOptionsFromEnv } from "@countersign/swap-proxy";

const env = Deno.env.toObject();
const handler = createJwtSwapProxy(proxyOptionsFromEnv(env));

Deno.serve({ port: Number(env.PORT ?? 8000) }, handler);
