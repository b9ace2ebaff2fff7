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

/** This machine's store, or undefined where there are no files: in a browser, or bundled without `node.ts`. */
export async function openStore(): Promise<Store | undefined> {
  if (typeof process === "undefined" || !process.versions?.node) return undefined;
  // The path is a variable so that no bundler follows it into node: modules.
  const path: string = "./node.ts";
  const node = (await import(/* @vite-ignore */ /* webpackIgnore: true */ path).catch(() => undefined)) as typeof import("./node.ts") | undefined;
  return node?.localStore();
}
