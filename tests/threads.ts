/** The WebAssembly engine with threads that take part in every run, however small the program. */
import type { Engine } from "../src/engines/engine.ts";
import { Crew } from "../src/engines/wasm/crew.ts";
import { wasmEngine } from "../src/engines/wasm/engine.ts";
import { featuresInNode, hireInNode } from "../src/engines/wasm/node.ts";

/** Waits for its hands instead of doing without them. */
class Patient extends Crew {
  override run(...args: Parameters<Crew["run"]>): boolean {
    const idle = new Int32Array(new SharedArrayBuffer(4));
    for (let n = 0; n < 20_000; n++) {
      if (super.run(...args)) return true;
      Atomics.wait(idle, 0, 0, 1);
    }
    throw new Error("no hand has come for 20 seconds");
  }
}

const crew = new Patient(hireInNode, { starting: 0, calling: 0 });

export function threadedEngine(threads: number): Engine {
  featuresInNode();
  const engine = wasmEngine({ threads, crew }) as Engine;
  return { ...engine, name: `wasm on ${threads} threads` };
}
