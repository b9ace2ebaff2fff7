/** A program made ready: its module, its desks, and where its numbers lie. */
import { bytesOf, type DType, type Storage } from "../../base/dtype.ts";
import { CambiumError } from "../../base/error.ts";
import type { Program, Stage } from "../../compiler/program.ts";
import { costOf } from "../../compiler/schedule.ts";
import type { Memory } from "../../graph/node.ts";
import type { Prepared } from "../engine.ts";
import { desk, type Reach } from "./context.ts";
import type { Crew } from "./crew.ts";
import { type Heap, mostPages, type Piece } from "./heap.ts";
import { WasmMemory } from "./memory.ts";
import { write, type Written } from "./module.ts";
import { scalarImports } from "./operations.ts";
import { partOf } from "./passage.ts";

/** What all programs of an engine have in common. */
export interface Shared {
  readonly heap: Heap;
  readonly relaxed: boolean;
  /** Programs are made for so many threads, whoever they are. */
  readonly threads: number;
  /** Threads that may help; without them the caller's does all parts. */
  readonly crew: Crew | undefined;
  /** The programs' own memory: one runs at a time, so they share it. */
  arena: Piece;
  readonly returned: FinalizationRegistry<Piece>;
  readonly copyOf: (memory: Memory, host: Storage) => number;
}

/** Inputs from outside that are this large, and that nobody will write again, stay in the engine's memory. */
const worthKeeping = 4096;

type Passage = (desks: number) => void;

export class WasmProgram implements Prepared {
  readonly #program: Program;
  readonly #shared: Shared;
  readonly #module: WebAssembly.Module;
  readonly #alone: Passage;
  readonly #together: Passage | undefined;
  /** One desk a thread, and bytes from one to the next. */
  readonly #desks: Piece;
  readonly #step: number;
  /** For each input and output slot, the values that lie there, and room for numbers that lie outside. */
  readonly #slots: readonly { readonly values: readonly number[]; readonly bytes: number; room: Piece | undefined }[];
  /** Values in the arena and sums, by offset, and scalars, by slot. */
  readonly #arena: readonly (readonly [value: number, offset: number])[];
  readonly #sums: readonly (readonly [value: number, offset: number])[];
  readonly #scalars: readonly (readonly [value: number, slot: number])[];
  readonly #need: Need;
  /** Where each slot lies in this run. */
  readonly #places: number[];
  #arenaAt = -1;
  /** Its number among the crew's programs. */
  #number: number | undefined;

  constructor(program: Program, shared: Shared) {
    this.#program = program;
    this.#shared = shared;
    const { heap, relaxed, returned, threads, crew } = shared;
    const written = write(program, threads, { shared: threads > 1, least: 1, most: mostPages }, relaxed);
    this.#need = needOf(program, written, threads);
    this.#step = written.desk;
    this.#desks = heap.take(threads * written.desk);
    returned.register(this, this.#desks);
    this.#module = new WebAssembly.Module(written.bytes);
    const { exports } = instantiate(this.#module, written, heap, crew);
    this.#alone = exports["alone"] as Passage;
    this.#together = crew && sharedWork(program.stages) >= crew.calling ? (exports["together"] as Passage) : undefined;
    const at = (kind: "input" | "output", slot: number): number[] =>
      program.values.flatMap(({ home }, v) => (home.at === kind && home.slot === slot ? [v] : []));
    const slot =
      (kind: "input" | "output") =>
      ({ dtype, length }: { dtype: DType; length: number }, i: number) => ({ values: at(kind, i), bytes: length * bytesOf(dtype), room: undefined });
    this.#slots = [...program.inputs.map(slot("input")), ...program.outputs.map(slot("output"))];
    this.#places = this.#slots.map(() => 0);
    const homes = program.values.map(({ home }, v) => [v, home] as const);
    this.#arena = homes.flatMap(([v, home]) => (home.at === "arena" ? [[v, home.offset] as const] : []));
    this.#sums = homes.flatMap(([v, home]) => (home.at === "partial" ? [[v, home.offset] as const] : []));
    this.#scalars = homes.flatMap(([v, home]) => (home.at === "scalar" ? [[v, home.slot] as const] : []));
    this.#share(written, threads);
  }

  /** Says on each desk whose it is, and what its thread's parts of the work are. */
  #share({ shares, ranges }: Written, threads: number): void {
    const words = this.#shared.heap.as(anyWords);
    for (let thread = 0; thread < threads; thread++) {
      const table = (this.#desks.at + thread * this.#step) / 4;
      words[table + desk.thread / 4] = thread;
      shares.forEach((share, i) => words.set(partOf(share, thread, threads), table + ranges / 4 + 2 * i));
    }
  }

  run(inputs: readonly Memory[], outputs: readonly Memory[], scalars: Float64Array): void {
    const { heap } = this.#shared;
    const { inputs: slots } = this.#program;
    if (scalars.length < this.#program.scalars)
      throw new CambiumError("engine", "wasm", `the program takes ${this.#program.scalars} scalars, got ${scalars.length}`);
    this.#ground();
    for (let i = 0; i < slots.length; i++) this.#places[i] = this.#place(i, inputs[i]);
    for (let i = 0; i < outputs.length; i++) this.#places[slots.length + i] = this.#place(slots.length + i, outputs[i]);
    this.#bind();
    if (scalars.length > 0) heap.write(this.#shared.arena.at + this.#need.scalars, scalars.subarray(0, this.#program.scalars));
    this.#go();
    for (let i = 0; i < outputs.length; i++) {
      const memory = outputs[i]!;
      if (!this.#isOwn(memory)) heap.read(this.#slots[slots.length + i]!.room!.at, memory.host!);
    }
  }

  #go(): void {
    const { crew, heap, threads } = this.#shared;
    const { at } = this.#desks;
    if (!crew || !this.#together) return this.#alone(at);
    if (crew.isWanted) this.#number ??= crew.enrol(this, threads, this.#module, heap.memory);
    if (this.#number !== undefined && crew.run(this.#number, threads, at, this.#step, heap.memory, () => this.#together!(at))) return;
    const start = performance.now();
    this.#alone(at);
    crew.spend(performance.now() - start);
  }

  /** Makes sure that there is enough memory for what lies in the program, and points at it. */
  #ground(): void {
    const shared = this.#shared;
    const { bytes, scratch, local, sums, scalars, thread: own, partial } = this.#need;
    if (shared.arena.bytes < bytes) {
      const before = shared.arena;
      shared.arena = shared.heap.take(Math.max(bytes, 2 ** 16));
      if (before.bytes > 0) shared.heap.give(before);
    }
    const { at } = shared.arena;
    if (at === this.#arenaAt) return;
    this.#arenaAt = at;
    const words = shared.heap.as(anyWords);
    for (let thread = 0; thread < shared.threads; thread++) {
      const table = (this.#desks.at + thread * this.#step) / 4;
      words[table + desk.scratch / 4] = at + scratch + thread * own;
      words[table + desk.local / 4] = at + local + thread * own;
      words[table + desk.partials / 4] = at + sums;
      const values = table + desk.values / 4;
      for (const [value, offset] of this.#arena) words[values + value] = at + offset;
      for (const [value, offset] of this.#sums) words[values + value] = at + sums + thread * partial + offset;
      for (const [value, slot] of this.#scalars) words[values + value] = at + scalars + 8 * slot;
    }
  }

  /** Says on each desk where inputs and outputs lie. */
  #bind(): void {
    const words = this.#shared.heap.as(anyWords);
    for (let thread = 0; thread < this.#shared.threads; thread++) {
      const values = (this.#desks.at + thread * this.#step + desk.values) / 4;
      for (let i = 0; i < this.#slots.length; i++) for (const value of this.#slots[i]!.values) words[values + value] = this.#places[i]!;
    }
  }

  #isOwn(memory: Memory): memory is WasmMemory {
    return memory instanceof WasmMemory && memory.heap === this.#shared.heap;
  }

  /** Where the numbers of a slot lie; those from outside are fetched. */
  #place(index: number, memory: Memory | undefined): number {
    const { heap, copyOf, returned } = this.#shared;
    if (memory && this.#isOwn(memory)) return memory.at;
    const slot = this.#slots[index]!;
    const isInput = index < this.#program.inputs.length;
    const host = memory?.host;
    if (host === undefined || host.byteLength < slot.bytes)
      throw new CambiumError("engine", "wasm", `${isInput ? `input ${index}` : `output ${index - this.#program.inputs.length}`} is missing or too short`);
    if (isInput && memory!.shared && slot.bytes >= worthKeeping) return copyOf(memory!, host);
    if (!slot.room) {
      slot.room = heap.take(slot.bytes);
      returned.register(this, slot.room);
    }
    if (isInput) heap.write(slot.room.at, host);
    return slot.room.at;
  }
}

/** How a program's own memory is laid out, in bytes from its beginning. */
interface Need {
  readonly bytes: number;
  /** Sums over samples, one copy a thread, so many bytes apart. */
  readonly sums: number;
  readonly partial: number;
  readonly scalars: number;
  /** Scratch memory, and memory for samples in flight, of the first thread; of the next one, so many bytes further on. */
  readonly scratch: number;
  readonly local: number;
  readonly thread: number;
}

function needOf(program: Program, { scratch: kernels, partial }: Written, threads: number): Need {
  const line = (bytes: number): number => Math.ceil(bytes / 64) * 64;
  const sums = line(program.arena) + 64;
  const scalars = sums + partial * threads;
  const scratch = scalars + line(8 * program.scalars) + 64;
  const local = scratch + kernels;
  const thread = kernels + line(program.local) + 64;
  return { sums, partial, scalars, scratch, local, thread, bytes: scratch + threads * thread };
}

/** Work that several threads can share. */
const sharedWork = (stages: readonly Stage[]): number =>
  stages.reduce((sum, { serial, kernels }) => (serial ? sum : kernels.reduce((n, k) => n + costOf(k), sum)), 0);

function instantiate(module: WebAssembly.Module, { plain }: Written, heap: Heap, crew: Crew | undefined): WebAssembly.Instance {
  const reach: Reach = {
    address: (table, value) => heap.as(anyWords)[(table + desk.values) / 4 + value]!,
    scratch: (table) => heap.as(anyWords)[(table + desk.scratch) / 4]!,
    get buffer() {
      return heap.memory.buffer;
    },
  };
  const kernels: ((table: number, from: number, to: number) => void)[] = [];
  const outside = Object.fromEntries(plain.map((_, i) => [i, (table: number, from: number, to: number) => kernels[i]!(table, from, to)]));
  const instance = new WebAssembly.Instance(module, {
    memory: { memory: heap.memory },
    ops: scalarImports(),
    plain: outside,
    threads: { sleep: (round: number) => crew?.sleep(heap.memory, round) },
  });
  for (const kernel of plain) kernels.push(kernel(reach, instance.exports));
  return instance;
}

const anyWords = new Int32Array(0);
