import { CambiumError } from "../base/error.ts";

/** The files of a machine. */
export interface Files {
  /** The bytes of a file, or undefined where there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Writes a file, and the folders it lies in: whole or not at all. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Removes a file, if there is one. */
  remove(path: string): Promise<void>;
  isFolder(path: string): Promise<boolean>;
}

let files: Files | undefined;

/** Makes this machine's files known. The door for Node calls it; in a browser nobody does. */
export const offerFiles = (offered: Files): void => void (files = offered);

/** @throws an `engine` error where there are no files */
export function openFiles(where: string): Files {
  if (!files) throw new CambiumError("engine", where, "there are no files here", "keep what model.toBytes() gives, and load it with loadModel(bytes)");
  return files;
}
