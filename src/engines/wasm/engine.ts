/** The engine for browsers, and for Node where nothing can be built: kernels written as WebAssembly when a program is made ready. */
import { allocateStorage, bytesOf, load } from "../../base/dtype.ts";
import { hostMemory, type Memory } from "../../graph/node.ts";
import type { Engine } from "../engine.ts";
import type { Crew } from "./crew.ts";
import { features } from "./features.ts";
import { Heap, type Piece } from "./heap.ts";
import { WasmMemory } from "./memory.ts";
import { type Shared, WasmProgram } from "./program.ts";

/** Numbers below so many bytes lie in arrays of JavaScript's own: copying them costs less than looking after a piece of memory. */
const small = 1024;
/** Bytes that may be handed out before memory of JavaScript's own is taken, so that its collector sees a need to run: pieces come back when it does. */
const plenty = 256 * 2 ** 20;

/** How many threads compute, and who does beside the caller's; or why it is one. */
export type Team = { readonly threads: number; readonly crew: Crew } | { readonly reason: string | undefined };

/** The memory for a team, shared where it has to be. */
interface Ground {
  readonly heap: Heap;
  readonly threads: number;
  readonly crew: Crew | undefined;
  /** Why one thread computes although more were wanted. */
  readonly reason: string | undefined;
}

function groundFor(team: Team, shares: boolean): Ground {
  const single = (reason: string | undefined): Ground => ({ heap: new Heap(false), threads: 1, crew: undefined, reason });
  if ("reason" in team) return single(team.reason);
  if (team.threads === 1) return single(undefined);
  if (!shares) return single("WebAssembly has no memory that threads share here");
  try {
    return { heap: new Heap(true), ...team, reason: undefined };
  } catch (error) {
    return single(`there is no room for memory that threads share: ${(error as Error).message}`);
  }
}

/** The WebAssembly engine, or a sentence that says why it does not work here. */
export function wasmEngine(team: Team = { reason: undefined }): Engine | string {
  const { simd, relaxed, threads: shares } = features();
  if (!simd) return typeof WebAssembly === "object" ? "WebAssembly has no vectors here" : "there is no WebAssembly here";
  const forbidden = refusal();
  if (forbidden !== undefined) return forbidden;
  const { heap, threads, crew, reason } = groundFor(team, shares);
  let limit = plenty;
  const returned = new FinalizationRegistry<Piece>((piece) => {
    heap.give(piece);
    limit = Math.max(plenty, 2 * heap.used);
  });
  /** Copies of memory from outside that nobody will write again. */
  const copies = new WeakMap<Memory, Piece>();
  const shared: Shared = {
    heap,
    relaxed,
    threads,
    crew,
    arena: { at: 0, bytes: 0 },
    returned,
    copyOf: (memory, host) => {
      let piece = copies.get(memory);
      if (!piece) {
        copies.set(memory, (piece = heap.take(host.byteLength)));
        returned.register(memory, piece);
        heap.write(piece.at, host);
      }
      return piece.at;
    },
  };
  return {
    name: "wasm",
    get target() {
      return { plain: false, threads: crew?.trouble === undefined ? threads : 1, cache: 512 * 1024 };
    },
    immediate: true,
    prepare: (program) => new WasmProgram(program, shared),
    allocate: (dtype, length) => {
      const bytes = length * bytesOf(dtype);
      if (bytes < small || heap.used + bytes > limit) return hostMemory(dtype, allocateStorage(dtype, length));
      const piece = heap.take(bytes);
      heap.fill(piece.at, bytes);
      const memory = new WasmMemory(dtype, length, heap, piece.at);
      returned.register(memory, piece);
      return memory;
    },
    read: (memory) => Promise.resolve(load(memory.dtype, memory.host!)),
    writes: (memory) => memory instanceof WasmMemory || memory.length * bytesOf(memory.dtype) < small,
    describe: () => {
      const trouble = crew?.trouble === undefined ? reason : `another cannot be had: ${crew.trouble}`;
      const count = threads > 1 && trouble === undefined ? `${threads} threads` : `1 thread${trouble === undefined ? "" : ` (${trouble})`}`;
      return `wasm: 128-bit vectors${relaxed ? " with fused products and sums" : ""}, ${count}`;
    },
  };
}

/** Why modules cannot be made here, if they cannot: a page may forbid it. */
function refusal(): string | undefined {
  try {
    new WebAssembly.Module(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
    return undefined;
  } catch (error) {
    return `making a module failed (${(error as Error).message}); a page's Content-Security-Policy needs 'wasm-unsafe-eval' in its script-src`;
  }
}
