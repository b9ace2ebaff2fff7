/** Where data files are kept on this machine; a browser has none. */
export interface Store {
  /** The folder the user named by `CAMBIUM_DATA`. */
  readonly folder: string | undefined;
  /** The folder that downloads are kept in. */
  readonly cache: string;
  /** The bytes of a file, or undefined where there is no such file. */
  read(folder: string, path: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Keeps `bytes` in the cache, whole or not at all. */
  keep(path: string, bytes: Uint8Array): Promise<void>;
  /** Shows how far a download is, where somebody is looking. */
  progress(file: string, done: number, total: number): void;
}

let open: (() => Store) | undefined;

/** Makes this machine's files known. The door for Node calls it; in a browser nobody does. */
export const offerStore = (store: () => Store): void => void (open = store);

/** This machine's store, or undefined where there are no files. */
export const openStore = (): Store | undefined => open?.();
