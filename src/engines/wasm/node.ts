import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import type { Engine } from "../engine.ts";
import { defaultThreads } from "../native/threads.ts";
import { Crew, type Hand } from "./crew.ts";
import { wasmEngine } from "./engine.ts";
import { type Features, features } from "./features.ts";

/** What WebAssembly can do in this Node. Node 20 has products and sums that are rounded once, but only uses them when told to. */
export function featuresInNode(): Features {
  if (!features().relaxed) setFlagsFromString("--experimental-wasm-relaxed-simd");
  return features();
}

/** A worker thread, which keeps no process alive. A program that was bundled into one file has its own file for it: `CAMBIUM_THREAD` names that. */
export function hireInNode(failed: (reason: string) => void): Hand {
  const worker = new Worker(process.env.CAMBIUM_THREAD || new URL("./hand/node.js", import.meta.url), { execArgv: [], name: "cambium" });
  worker.on("error", (error) => failed(error.message));
  worker.unref();
  return { post: (mail) => worker.postMessage(mail), end: () => void worker.terminate() };
}

const crew: Crew = new Crew(hireInNode);

/** The WebAssembly engine in Node. */
export function wasmEngineInNode(threads: number = defaultThreads()): Engine | string {
  featuresInNode();
  return wasmEngine({ threads, crew });
}
