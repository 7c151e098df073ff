import { dirname, join } from "node:path";
import { CliError, usage } from "../errors.ts";
import { reason } from "../options/input.ts";

/** Where the two halves of a key pair go. */
export interface KeyFiles {
  readonly privateKeyFile: string;
  readonly publicKeyFile: string;
}

/** File systems allow 255 bytes; this leaves room for what we add. */
const LONGEST_NAME = 200;

/**
 * Names the files after the issuer and, if it is given, the target: `billing-prod-abc123.key`.
 *
 * An issuer's name may be anything, a URL too. Whatever could leave the folder, hide the file or be taken for an
 * option is percent-encoded.
 */
export function keyFileNames(folder: string, issuer: string, target?: string): KeyFiles {
  if (issuer.trim() === "") usage("Expected --issuer to be a name");
  const name = target === undefined
    ? fileName(issuer)
    : `${fileName(issuer)}-${fileName(targetName(target))}`;
  if (name.length > LONGEST_NAME) usage("Expected --issuer to be short enough for a file name");
  return {
    privateKeyFile: join(folder, `${name}.key`),
    publicKeyFile: join(folder, `${name}.pub`),
  };
}

function fileName(text: string): string {
  if (!text.isWellFormed()) usage("Expected --issuer to be Unicode text");
  return encodeURIComponent(text)
    .replace(/[!'()*~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/^[.-]/, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** A hosted project's reference; any other target's host, with its port. */
function targetName(target: string): string {
  const url = URL.canParse(target) ? new URL(target) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    usage("Expected --target to be a URL, like https://prod-abc123.supabase.co");
  }
  const host = url.host.replace(/[[\]]/g, "").replaceAll(":", "-");
  return /^([a-z0-9-]+)\.supabase\.(co|in|red)$/.exec(host)?.[1] ?? host;
}

/**
 * Writes both files or neither. The private key is readable by its owner alone from its first byte on.
 *
 * @param force Whether files that are there are replaced; without it they are never touched.
 */
export async function writeKeyPair(
  { privateKeyFile, publicKeyFile }: KeyFiles,
  { privateKey, publicKey }: { privateKey: string; publicKey: string },
  force: boolean,
): Promise<void> {
  const folder = dirname(privateKeyFile);
  await doing(folder, () => Deno.mkdir(folder, { recursive: true, mode: 0o700 }));
  await checkKeyFiles({ privateKeyFile, publicKeyFile }, force);

  // A file that is to be replaced keeps its old content until the new one is whole.
  const suffix = force ? `.${crypto.randomUUID()}.new` : "";
  const created: string[] = [];
  try {
    await createFile(privateKeyFile + suffix, privateKey, 0o600);
    created.push(privateKeyFile + suffix);
    await createFile(publicKeyFile + suffix, publicKey, 0o644);
    created.push(publicKeyFile + suffix);
    if (force) {
      await doing(publicKeyFile, () => Deno.rename(publicKeyFile + suffix, publicKeyFile));
      await doing(privateKeyFile, () => Deno.rename(privateKeyFile + suffix, privateKeyFile));
    }
  } catch (error) {
    await Promise.allSettled(created.map((path) => Deno.remove(path)));
    throw error;
  }
}

/** @throws {CliError} `failed`: one of the files exists, and is not to be replaced. */
export async function checkKeyFiles(
  { privateKeyFile, publicKeyFile }: KeyFiles,
  force: boolean,
): Promise<void> {
  for (const path of [privateKeyFile, publicKeyFile]) await refuseIfTaken(path, force);
}

async function refuseIfTaken(path: string, force: boolean): Promise<void> {
  const found = await Deno.lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!force) {
    throw new CliError(
      "failed",
      `Expected no file "${path}"; give --force to replace it, or another --out`,
    );
  }
  if (found.isDirectory) {
    throw new CliError("failed", `Expected a file "${path}", found a directory`);
  }
}

/** `createNew` follows no link and opens nothing that is there. */
async function createFile(path: string, text: string, mode: number): Promise<void> {
  const file = await doing(path, () => Deno.open(path, { write: true, createNew: true, mode }));
  try {
    await file.write(new TextEncoder().encode(text));
    await file.sync();
  } catch (error) {
    await Deno.remove(path);
    throw cantWrite(path, error);
  } finally {
    file.close();
  }
}

async function doing<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw cantWrite(path, error);
  }
}

function cantWrite(path: string, error: unknown): CliError {
  return new CliError("failed", `Cannot write "${path}": ${reason(error)}`);
}
