import { CambiumError } from "../base/error.ts";
import { suggest } from "../base/text.ts";

/** Files of one kind: this machine's, a browser's, the web's. Paths are addresses as the user wrote them, so that messages can name them. */
export interface Files {
  /** Whether a model is written as a folder, which people can look into, or whole. */
  readonly folders: boolean;
  /** The bytes of a file, or undefined where there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Writes a file, and the folders it lies in: whole or not at all. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Removes a file, if there is one. */
  remove(path: string): Promise<void>;
  isFolder(path: string): Promise<boolean>;
  /** All that was written, where files have no folders. */
  list?(): Promise<readonly Kept[]>;
}

/** Something that is kept in a browser. */
export interface Kept {
  /** What to give to `loadModel`. */
  readonly address: string;
  /** @unit bytes */
  readonly size: number;
  /** When it was written. */
  readonly saved: Date;
}

const kinds = new Map<string, Files>();

/** Makes files known that addresses with `scheme://` in front are among; `""`: those with nothing in front. Doors call it. */
export const offerFiles = (scheme: string, files: Files): void => void kinds.set(scheme, files);

/** The schemes there are files for. */
const schemes = (): string[] => [...kinds.keys()].filter((scheme) => scheme !== "");

/** The files that can be listed. */
export const listable = (): Files[] => [...kinds.values()].filter(({ list }) => list);

/**
 * The files that `address` is among.
 * @throws a `name` error for a scheme there is none of
 */
export function openFiles(where: string, address: string): Files {
  const scheme = /^([a-z][\w+.-]+):\/\//i.exec(address)?.[1] ?? "";
  const files = kinds.get(scheme.toLowerCase());
  if (!files) throw new CambiumError("name", where, `there are no files ${scheme ? `called ${scheme}://` : "here"}`, suggest(scheme, schemes()));
  return files;
}

/** What follows the scheme of an address. */
export function nameIn(address: string): string {
  const name = address.slice(address.indexOf("://") + 3);
  if (name === "") throw new CambiumError("value", address, "names nothing", `${address}my-model`);
  return name;
}

/** What a browser said no to, in our words. */
export function refused(path: string, what: string, error: Error | null): CambiumError {
  const full = error?.name === "QuotaExceededError";
  return new CambiumError(
    "file",
    path,
    `cannot be ${what}: ${full ? "this site may not keep more in this browser" : (error?.message ?? "the browser does not say why")}`,
    full ? "remove what is not needed: listModels(), removeModel(address)" : undefined,
  );
}
