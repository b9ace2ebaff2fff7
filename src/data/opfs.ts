import { CambiumError } from "../base/error.ts";
import { type Files, type Kept, nameIn, refused } from "./files.ts";

/** A folder of our own, so that a list shows nobody else's files. */
const folder = "cambium";
const ending = ".safetensors";

/** What is kept in this site's private file system: files as large as the disk allows. */
export const privateFiles: Files = {
  folders: false,
  read: (path) =>
    alone(path, "shared", async () => {
      const handle = await (await open(path)).getFileHandle(fileOf(path)).catch(unlessMissing);
      const file = await handle?.getFile();
      // One that is empty was never closed.
      return file && file.size > 0 ? new Uint8Array(await file.arrayBuffer()) : undefined;
    }),
  write: (path, bytes) =>
    alone(path, "exclusive", async () => {
      const file = await (await open(path)).getFileHandle(fileOf(path), { create: true });
      if (!file.createWritable)
        throw new CambiumError("engine", path, "this browser cannot write such files whole or not at all", '"indexeddb://…" works here');
      // What is written goes to a copy, which takes the file's place when it is closed.
      const out = await file.createWritable();
      await out.write(bytes as Uint8Array<ArrayBuffer>);
      await out.close();
    }),
  remove: (path) => alone(path, "exclusive", async () => (await open(path)).removeEntry(fileOf(path)).catch(unlessMissing)),
  isFolder: () => Promise.resolve(false),
  async list() {
    const found: Kept[] = [];
    for await (const [name, handle] of entries(await open("opfs://"))) {
      if (handle.kind !== "file" || !name.endsWith(ending)) continue;
      const { size, lastModified } = await (handle as FileSystemFileHandle).getFile();
      if (size > 0) found.push({ address: `opfs://${decodeURIComponent(name.slice(0, -ending.length))}`, size, saved: new Date(lastModified) });
    }
    return found;
  },
};

/** Browsers take the old file away before the new one has its name: who reads meanwhile, in any tab, has to wait. */
async function alone<T>(path: string, mode: LockMode, work: () => Promise<T>): Promise<T> {
  const locks = typeof navigator === "undefined" ? undefined : navigator.locks;
  try {
    return (await (locks ? locks.request(`cambium ${path}`, { mode }, work) : work())) as T;
  } catch (error) {
    if (error instanceof CambiumError) throw error;
    throw refused(path, mode === "shared" ? "read" : "written", error as Error);
  }
}

/** Any name as one of a file: slashes and what file systems dislike are written in hexadecimal. */
const fileOf = (path: string): string =>
  encodeURIComponent(nameIn(path)).replace(/[!'()*~]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`) + ending;

async function open(path: string): Promise<FileSystemDirectoryHandle> {
  const storage = typeof navigator === "undefined" ? undefined : navigator.storage;
  if (!storage?.getDirectory)
    throw new CambiumError(
      "engine",
      path,
      "there is no private file system here: browsers have one, on pages that come over https or from localhost",
      'in Node, a path does: "my-model"',
    );
  try {
    return await (await storage.getDirectory()).getDirectoryHandle(folder, { create: true });
  } catch (error) {
    throw refused(path, "opened", error as Error);
  }
}

function unlessMissing(error: unknown): undefined {
  if ((error as Error).name !== "NotFoundError") throw error;
}

/** The standard library of types knows no entries yet without an option of the compiler's. */
const entries = (directory: FileSystemDirectoryHandle): AsyncIterable<[string, FileSystemHandle]> =>
  directory as unknown as AsyncIterable<[string, FileSystemHandle]>;
