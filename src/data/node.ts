// Not node:crypto and node:fs/promises, which take their time to load: what is used here loads at its first use.
import fs from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { CambiumError } from "../base/error.ts";
import type { Store } from "./store.ts";

/**
 * Writes a file so that whoever opens `path`, even after a crash, finds the old content or the new, never a part.
 * @throws a `file` error when the folder cannot be written
 */
export async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${globalThis.crypto.randomUUID()}.tmp`;
  try {
    const file = await fs.promises.open(temporary, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.promises.rename(temporary, path);
  } catch (error) {
    await fs.promises.rm(temporary, { force: true }).catch(() => undefined);
    throw new CambiumError("file", path, `cannot be written: ${reason(error)}`);
  }
}

/**
 * The bytes of a file, or undefined where there is no such file.
 * @throws a `file` error when there is one that cannot be read
 */
export async function readIfThere(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await fs.promises.readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CambiumError("file", path, `cannot be read: ${reason(error)}`);
  }
}

/** The store of this machine, with the folders that the environment names now. */
export function localStore(): Store {
  const cache = cacheFolder();
  return {
    folder: process.env["CAMBIUM_DATA"] || undefined,
    cache,
    read: (folder, path) => readIfThere(join(folder, path)),
    async keep(path, bytes) {
      await fs.promises.mkdir(dirname(join(cache, path)), { recursive: true });
      await writeAtomically(join(cache, path), bytes);
    },
    progress(file, done, total) {
      if (!process.stderr.isTTY) return;
      const megabytes = (n: number): string => (n / 1e6).toFixed(1);
      process.stderr.write(`\r${file}: ${megabytes(done)} of ${megabytes(total)} MB${done >= total ? "\n" : ""}`);
    },
  };
}

function cacheFolder(): string {
  const { CAMBIUM_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (CAMBIUM_CACHE) return CAMBIUM_CACHE;
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, "cambium");
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "cambium");
  if (process.platform === "win32") return join(LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), "cambium", "cache");
  return join(homedir(), ".cache", "cambium");
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
