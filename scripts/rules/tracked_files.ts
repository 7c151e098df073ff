/** The files of the project: what git tracks, and what it would track. */
export async function trackedFiles(): Promise<string[]> {
  const { success, stdout } = await new Deno.Command("git", {
    args: ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
  }).output();
  if (!success) throw new Error("Expected to run inside a git checkout");
  const files = new TextDecoder().decode(stdout).split("\0").filter(Boolean);
  return files.filter((file) => {
    try {
      return Deno.lstatSync(file).isFile;
    } catch {
      return false; // deleted in the work tree, not yet in the index
    }
  });
}
