/** The WebAssembly engine in a page. */
import type { Engine } from "../engine.ts";
import { Crew, type Hand } from "./crew.ts";
import { wasmEngine } from "./engine.ts";

/** A worker from a file of the package's own: no text becomes code, and bundlers know this way to write it. */
function hire(failed: (reason: string) => void): Hand {
  const worker = new Worker(new URL("./hand/page.js", import.meta.url), { type: "module", name: "cambium" });
  worker.addEventListener("error", (event) => failed(event.message || "the worker's file, hand/page.js, could not be loaded"));
  return { post: (mail) => worker.postMessage(mail), end: () => worker.terminate() };
}

const crew: Crew = new Crew(hire);

/** More threads than this have little to share in a page. */
const most = 8;

/** Threads for a machine of so many processors: two of them may be one core. */
const threadsFor = (processors: number): number => (processors <= 2 ? processors : Math.min(most, Math.ceil(processors / 2)));

/** Without memory that threads share, or workers, one thread computes. */
export function wasmEngineInPage(): Engine | string {
  if (typeof Worker !== "function") return wasmEngine({ reason: "there are no workers here" });
  if (!globalThis.crossOriginIsolated)
    return wasmEngine({
      reason:
        "the page is not isolated from others: threads need the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp",
    });
  return wasmEngine({ threads: threadsFor(navigator.hardwareConcurrency || 1), crew });
}
