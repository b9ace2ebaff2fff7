/** Finds and loads the compiled addon. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Storage } from "../../base/dtype.ts";

/** A program the addon has made ready. */
export interface Handle {
  readonly handle: unique symbol;
}

/** What `native/src/addon.cc` exports. */
export interface Addon {
  prepare(words: Int32Array, numbers: Float64Array, scalars: Float64Array): Handle;
  /** Gives an input or output (counted on after the inputs) its memory. The caller keeps that memory alive. */
  bind(handle: Handle, slot: number, array: Storage): void;
  run(handle: Handle): void;
  info(): { readonly isa: string; readonly known: readonly string[] };
  /** Bytes between the last multiple of 64 and the array's first number. */
  misalignment(array: Storage): number;
}

let loaded: Addon | string | undefined;

/** The addon, or a sentence that says why it is not there. */
export function loadAddon(): Addon | string {
  return (loaded ??= load());
}

function load(): Addon | string {
  const path = process.env.CAMBIUM_ADDON || find();
  if (path === undefined) return "the native engine has not been built (npm run native builds it)";
  try {
    const addon = createRequire(import.meta.url)(path) as Addon;
    return addon.info().isa === "" ? `the native engine has no kernels for CAMBIUM_ISA=${process.env.CAMBIUM_ISA}` : addon;
  } catch (error) {
    return `the native engine could not be loaded: ${(error as Error).message}`;
  }
}

/** `build/cambium.node` beside the `src` or `dist` this file is in. */
function find(): string | undefined {
  const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
  const path = join(root, "build", "cambium.node");
  return existsSync(path) ? path : undefined;
}
