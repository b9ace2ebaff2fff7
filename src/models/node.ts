import fs from "node:fs";
import { dirname } from "node:path";
import { CambiumError } from "../base/error.ts";
import { readIfThere, writeAtomically } from "../data/node.ts";
import type { Files } from "../data/files.ts";

/** The files of this machine. */
export const localFiles: Files = {
  folders: true,
  read: readIfThere,
  async write(path, bytes) {
    await fs.promises.mkdir(dirname(path), { recursive: true }).catch((error: unknown) => {
      throw new CambiumError("file", path, `cannot be written: ${error instanceof Error ? error.message : String(error)}`);
    });
    await writeAtomically(path, bytes);
  },
  remove: (path) => fs.promises.rm(path, { force: true }),
  isFolder: (path) =>
    fs.promises.stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    ),
};
