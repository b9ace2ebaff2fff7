import { setFlagsFromString } from "node:v8";
import type { Engine } from "../engine.ts";
import { wasmEngine } from "./engine.ts";
import { features } from "./features.ts";

/** The WebAssembly engine in Node. Node 20 has products and sums that are rounded once, but only uses them when told to. */
export function wasmEngineInNode(): Engine | string {
  if (!features().relaxed) setFlagsFromString("--experimental-wasm-relaxed-simd");
  return wasmEngine();
}
