import { CambiumError } from "../base/error.ts";
import type { Files } from "./files.ts";

/** What is on the web; a relative address begins where the page, or the worker, was loaded from. It can be read only. */
export const webFiles: Files = {
  folders: false,
  async read(path) {
    const response = await fetch(path).catch((error: unknown) => {
      throw new CambiumError(
        "file",
        path,
        `cannot be fetched: ${error instanceof Error ? error.message : String(error)}`,
        "does the server allow other pages to read it (Access-Control-Allow-Origin)?",
      );
    });
    return bytesOf(path, response);
  },
  write: (path) => readOnly("save", path),
  remove: (path) => readOnly("remove", path),
  isFolder: (path) => Promise.resolve(!/\.safetensors([?#]|$)|^(blob|data):/.test(path)),
};

/**
 * The bytes of an answer, or undefined where there is nothing.
 * @throws a `file` error for any other refusal, and for a web page
 */
export async function bytesOf(path: string, response: Response): Promise<Uint8Array | undefined> {
  if (response.status === 404 || response.status === 410) return undefined;
  if (!response.ok) throw new CambiumError("file", path, `cannot be fetched: the server answers ${response.status} ${response.statusText}`.trimEnd());
  // Servers of single-page programs answer any address with the page.
  if (response.headers.get("content-type")?.startsWith("text/html"))
    throw new CambiumError("file", path, "is a web page, not a model", "the server may answer so where there is no such file: look at the address");
  return new Uint8Array(await response.arrayBuffer());
}

function readOnly(where: string, path: string): never {
  throw new CambiumError(
    "engine",
    where,
    `${JSON.stringify(path)} is an address on the web, where nothing can be written`,
    `"indexeddb://${path.split("/").at(-1)}" keeps it in this browser; download(model) gives it to the user as a file`,
  );
}
