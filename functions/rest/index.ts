/**
 * The Edge Function `rest`: configuration from the environment, and one call into swap-proxy.
 *
 * @module
 */
import { createJwtSwapProxy, proxyOptionsFromEnv } from "@countersign/swap-proxy";

const env = Deno.env.toObject();
const options = proxyOptionsFromEnv(env);
// The platform's word that this worker ends: what the log still owes is written.
addEventListener("beforeunload", () => void options.close());

Deno.serve({ port: Number(env.PORT ?? 8000) }, createJwtSwapProxy(options));
