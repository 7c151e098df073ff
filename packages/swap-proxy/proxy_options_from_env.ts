import { ConfigurationError } from "./errors.ts";
import type { ProxyOptions } from "./proxy_options.ts";

/** What {@link proxyOptionsFromEnv} returns: options, and a way to close what they hold open. */
export interface ConfiguredProxyOptions extends ProxyOptions {
  /** Closes the connections to the registry. */
  close(): Promise<void>;
}

export function proxyOptionsFromEnv(
  _env: Readonly<Record<string, string>>,
): ConfiguredProxyOptions {
  throw new ConfigurationError([{ name: "SUPABASE_URL", message: "is required" }]);
}
