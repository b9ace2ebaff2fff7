import { setFlagsFromString } from "node:v8";
import type { Engine } from "../engine.ts";
import { wasmEngine } from "./engine.ts";
import { type Features, features } from "./features.ts";

/** What WebAssembly can do in this Node. Node 20 has products and sums that are rounded once, but only uses them when told to. */
export function featuresInNode(): Features {
  if (!features().relaxed) setFlagsFromString("--experimental-wasm-relaxed-simd");
  return features();
}

/** The WebAssembly engine in Node. */
export function wasmEngineInNode(): Engine | string {
  featuresInNode();
  return wasmEngine();
}
