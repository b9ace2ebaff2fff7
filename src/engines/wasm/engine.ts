/** The engine for browsers, and for Node where nothing can be built: kernels written as WebAssembly when a program is made ready. */
import { allocateStorage, bytesOf, type DType, load, type Storage } from "../../base/dtype.ts";
import { CambiumError } from "../../base/error.ts";
import type { Program } from "../../compiler/program.ts";
import { hostMemory, type Memory } from "../../graph/node.ts";
import type { Engine, Prepared } from "../engine.ts";
import { desk } from "./context.ts";
import { Execution } from "./execution.ts";
import { features } from "./features.ts";
import { Heap, mostPages, type Piece } from "./heap.ts";
import { write } from "./module.ts";
import { scalarImports } from "./operations.ts";

/** Numbers below so many bytes lie in arrays of JavaScript's own: copying them costs less than looking after a piece of memory. */
const small = 1024;
/** Bytes that may be handed out before memory of JavaScript's own is taken, so that its collector sees a need to run: pieces come back when it does. */
const plenty = 256 * 2 ** 20;

/** Numbers in the engine's memory. They leave it as copies only, so that nobody is left with memory that has moved. */
class WasmMemory implements Memory {
  readonly dtype: DType;
  readonly length: number;
  readonly heap: Heap;
  readonly at: number;
  shared = false;

  constructor(dtype: DType, length: number, heap: Heap, at: number) {
    this.dtype = dtype;
    this.length = length;
    this.heap = heap;
    this.at = at;
  }

  get host(): Storage {
    const copy = allocateStorage(this.dtype, this.length);
    this.heap.read(this.at, copy);
    return copy;
  }
}

/** The WebAssembly engine, or a sentence that says why it does not work here. */
export function wasmEngine(): Engine | string {
  const { simd, relaxed } = features();
  if (!simd) return typeof WebAssembly === "object" ? "WebAssembly has no vectors here" : "there is no WebAssembly here";
  const forbidden = refusal();
  if (forbidden !== undefined) return forbidden;
  const heap = new Heap(false);
  let limit = plenty;
  const returned = new FinalizationRegistry<Piece>((piece) => {
    heap.give(piece);
    limit = Math.max(plenty, 2 * heap.used);
  });
  /** Copies of memory from outside that nobody will write again. */
  const copies = new WeakMap<Memory, Piece>();
  const ground: Shared = {
    heap,
    relaxed,
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
    target: { plain: false, threads: 1, cache: 512 * 1024 },
    immediate: true,
    prepare: (program) => new WasmProgram(program, ground),
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
    describe: () => `wasm: 128-bit vectors${relaxed ? " with fused products and sums" : ""}, 1 thread`,
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

/** What all programs of an engine have in common. */
interface Shared {
  readonly heap: Heap;
  readonly relaxed: boolean;
  /** The programs' own memory: one runs at a time, so they share it. */
  arena: Piece;
  readonly returned: FinalizationRegistry<Piece>;
  readonly copyOf: (memory: Memory, host: Storage) => number;
}

/** Inputs from outside that are this large, and that nobody will write again, stay in the engine's memory. */
const worthKeeping = 4096;

class WasmProgram implements Prepared {
  readonly #program: Program;
  readonly #shared: Shared;
  readonly #execution: Execution;
  readonly #table: Piece;
  /** For each input and output slot, the values that lie there, and room for numbers that lie outside. */
  readonly #slots: readonly { readonly values: readonly number[]; readonly bytes: number; room: Piece | undefined }[];
  /** Values in the arena, by offset. */
  readonly #arena: readonly (readonly [value: number, offset: number])[];
  readonly #scalars: readonly (readonly [value: number, slot: number])[];
  readonly #need: { readonly bytes: number; readonly scratch: number; readonly partial: number; readonly local: number; readonly scalars: number };
  #arenaAt = -1;

  constructor(program: Program, shared: Shared) {
    this.#program = program;
    this.#shared = shared;
    const { heap, relaxed, returned } = shared;
    const written = write(program, 1, { shared: false, least: 1, most: mostPages }, relaxed);
    const module = new WebAssembly.Module(written.bytes);
    const { exports } = new WebAssembly.Instance(module, { memory: { memory: heap.memory }, ops: scalarImports() });
    const line = (bytes: number): number => Math.ceil(bytes / 64) * 64;
    const scratch = line(program.arena) + 64;
    const local = scratch + written.scratch;
    const partial = local + line(program.local) + 64;
    this.#need = { scratch, local, partial, scalars: partial + written.partial, bytes: partial + written.partial + line(8 * program.scalars) + 64 };
    this.#table = heap.take(desk.values + 4 * program.values.length);
    returned.register(this, this.#table);
    const at = (kind: "input" | "output", slot: number): number[] =>
      program.values.flatMap(({ home }, v) => (home.at === kind && home.slot === slot ? [v] : []));
    const slot =
      (kind: "input" | "output") =>
      ({ dtype, length }: { dtype: DType; length: number }, i: number) => ({ values: at(kind, i), bytes: length * bytesOf(dtype), room: undefined });
    this.#slots = [...program.inputs.map(slot("input")), ...program.outputs.map(slot("output"))];
    const lying = program.values.map(({ home }, v) => [v, home] as const);
    this.#arena = lying.flatMap(([v, home]) =>
      home.at === "arena" ? [[v, home.offset] as const] : home.at === "partial" ? [[v, partial + home.offset] as const] : [],
    );
    this.#scalars = lying.flatMap(([v, home]) => (home.at === "scalar" ? [[v, home.slot] as const] : []));
    this.#execution = new Execution(program, written, exports, heap, 0, 1, { table: this.#table.at, local: 0, partial: 0 }, () => {});
  }

  run(inputs: readonly Memory[], outputs: readonly Memory[], scalars: Float64Array): void {
    const { heap } = this.#shared;
    const { inputs: slots } = this.#program;
    if (scalars.length < this.#program.scalars)
      throw new CambiumError("engine", "wasm", `the program takes ${this.#program.scalars} scalars, got ${scalars.length}`);
    this.#ground();
    for (let i = 0; i < slots.length; i++) this.#bind(i, inputs[i]);
    for (let i = 0; i < outputs.length; i++) this.#bind(slots.length + i, outputs[i]);
    if (scalars.length > 0) heap.write(this.#shared.arena.at + this.#need.scalars, scalars.subarray(0, this.#program.scalars));
    this.#execution.run();
    for (let i = 0; i < outputs.length; i++) {
      const memory = outputs[i]!;
      if (!this.#isOwn(memory)) heap.read(this.#slots[slots.length + i]!.room!.at, memory.host!);
    }
  }

  /** Makes sure that there is enough memory for what lies in the program, and points at it. */
  #ground(): void {
    const shared = this.#shared;
    if (shared.arena.bytes < this.#need.bytes) {
      const before = shared.arena;
      shared.arena = shared.heap.take(Math.max(this.#need.bytes, 2 ** 16));
      if (before.bytes > 0) shared.heap.give(before);
    }
    const { at } = shared.arena;
    if (at === this.#arenaAt) return;
    this.#arenaAt = at;
    const words = shared.heap.as(anyWords);
    const table = this.#table.at / 4;
    words[table + desk.thread / 4] = 0;
    words[table + desk.scratch / 4] = at + this.#need.scratch;
    words[table + desk.partials / 4] = at + this.#need.partial;
    this.#execution.settle({ table: this.#table.at, local: at + this.#need.local, partial: at + this.#need.partial });
    for (const [value, offset] of this.#arena) words[table + desk.values / 4 + value] = at + offset;
    for (const [value, slot] of this.#scalars) words[table + desk.values / 4 + value] = at + this.#need.scalars + 8 * slot;
  }

  #isOwn(memory: Memory): memory is WasmMemory {
    return memory instanceof WasmMemory && memory.heap === this.#shared.heap;
  }

  #bind(index: number, memory: Memory | undefined): void {
    const { heap, copyOf, returned } = this.#shared;
    const slot = this.#slots[index]!;
    const isInput = index < this.#program.inputs.length;
    let at: number;
    if (memory && this.#isOwn(memory)) at = memory.at;
    else {
      const host = memory?.host;
      if (host === undefined || host.byteLength < slot.bytes)
        throw new CambiumError("engine", "wasm", `${isInput ? `input ${index}` : `output ${index - this.#program.inputs.length}`} is missing or too short`);
      if (isInput && memory!.shared && slot.bytes >= worthKeeping) at = copyOf(memory!, host);
      else {
        if (!slot.room) {
          slot.room = heap.take(slot.bytes);
          returned.register(this, slot.room);
        }
        at = slot.room.at;
        if (isInput) heap.write(at, host);
      }
    }
    for (const value of slot.values) this.#execution.bind(value, at);
  }
}

const anyWords = new Int32Array(0);
