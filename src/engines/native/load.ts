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
  const path = addonPath();
  if (path === undefined) return `it has not been built here, and the package ${prebuilt} that brings it ready made is not installed`;
  try {
    const addon = createRequire(import.meta.url)(path) as Addon;
    return addon.info().isa === "" ? `it has no kernels for CAMBIUM_ISA=${process.env.CAMBIUM_ISA}` : addon;
  } catch (error) {
    return `it could not be loaded: ${(error as Error).message}`;
  }
}

/** The optional package that has the addon for this platform. `scripts/pack.mjs` makes it. */
export const prebuilt: string = `@cambium/native-${process.platform}-${process.arch}`;

/** The addon's file: what `CAMBIUM_ADDON` names, else the one built beside the `src` or `dist` this file is in, else the ready-made one. */
export function addonPath(): string | undefined {
  if (process.env.CAMBIUM_ADDON) return process.env.CAMBIUM_ADDON;
  const built = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "build", "cambium.node");
  if (existsSync(built)) return built;
  try {
    return createRequire(import.meta.url).resolve(prebuilt);
  } catch {
    return undefined;
  }
}
