/**
 * The real Supabase CLI, from the npm registry. Fails where it cannot be had.
 *
 * What it would keep in the home directory goes into a folder that is removed again, and its
 * telemetry is off.
 */
export const SUPABASE_CLI = "supabase@3.1.0";

/** Keeps the CLI from reporting what it does, and from asking for newer versions. */
export const CLI_ENV = { SUPABASE_TELEMETRY_DISABLED: "1", SUPABASE_NO_UPDATE_NOTIFIER: "1" };

/** Runs the CLI in a project, and returns what it printed. */
export async function supabase(
  project: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const home = await Deno.makeTempDir();
  try {
    const { success, stdout, stderr } = await new Deno.Command("npx", {
      args: ["-y", SUPABASE_CLI, ...args],
      cwd: project,
      env: { ...env, ...CLI_ENV, SUPABASE_HOME: home },
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    if (success) return text.decode(stdout);
    throw new Error(
      `supabase ${args.join(" ")}: ${text.decode(stderr)}${text.decode(stdout)}`,
    );
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}
