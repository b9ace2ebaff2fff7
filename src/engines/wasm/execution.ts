/** Runs a program's kernels in order, on one of the threads that share its work. */
import type { Loop, Program, Value } from "../../compiler/program.ts";
import { bytesOf } from "../../base/dtype.ts";
import { readsOf, writesOf } from "../../compiler/schedule.ts";
import { type Emitted, desk, type Reach } from "./context.ts";
import type { Heap } from "./heap.ts";
import type { Written, WrittenStage } from "./module.ts";

type Call = (table: number, from: number, to: number) => void;

interface Ready {
  readonly samples: number;
  readonly chunk: number;
  readonly serial: boolean;
  readonly calls: readonly Call[];
  readonly kernels: readonly Emitted[];
  readonly owners: readonly number[] | undefined;
  /** Values of which only the samples in flight are there: their desk place and offset, and bytes a sample. */
  readonly locals: readonly { readonly value: number; readonly offset: number; readonly bytes: number }[];
  /** Sums that the stage makes. */
  readonly partials: readonly { readonly offset: number; readonly bytes: number }[];
  readonly loop: Loop | undefined;
  readonly inner: readonly Ready[];
}

/** Where a thread's memory lies. */
export interface Ground {
  readonly table: number;
  readonly local: number;
  readonly partial: number;
}

export class Execution {
  readonly #heap: Heap;
  readonly #values: readonly Value[];
  readonly #stages: readonly Ready[];
  readonly #thread: number;
  readonly #threads: number;
  #ground: Ground;
  readonly #meet: () => void;
  #desk: Int32Array = new Int32Array(0);

  /** `meet` returns once all threads have called it. */
  constructor(program: Program, written: Written, exports: WebAssembly.Exports, heap: Heap, thread: number, threads: number, ground: Ground, meet: () => void) {
    this.#heap = heap;
    this.#values = program.values;
    this.#thread = thread;
    this.#threads = threads;
    this.#ground = ground;
    this.#meet = meet;
    const reach: Reach = {
      address: (table, value) => this.#words()[(table + desk.values) / 4 + value]!,
      scratch: (table) => this.#words()[(table + desk.scratch) / 4]!,
      get buffer() {
        return heap.memory.buffer;
      },
    };
    const ready = ({ stage, kernels, inner }: WrittenStage): Ready => {
      const [first] = stage.kernels;
      const touched = stage.kernels.flatMap((k) => (k.kind === "loop" ? [] : [...readsOf(k).map((read) => read.value), ...writesOf(k)]));
      return {
        samples: stage.samples,
        chunk: stage.chunk,
        serial: stage.serial,
        owners: stage.owners,
        kernels,
        calls: kernels.map(({ call }) => (typeof call === "string" ? (exports[call] as Call) : call(reach, exports))),
        locals: [...new Set(touched)].flatMap((value) => {
          if (value < 0) return [];
          const { home, dtype, length } = program.values[value]!;
          return home.at === "local" ? [{ value, offset: home.offset, bytes: (length * bytesOf(dtype)) / stage.samples }] : [];
        }),
        partials: [...new Set(stage.kernels.flatMap((k) => (k.kind === "loop" ? [] : writesOf(k))))].flatMap((value) => {
          if (value < 0) return [];
          const { home, dtype, length } = program.values[value]!;
          return home.at === "partial" ? [{ offset: home.offset, bytes: length * bytesOf(dtype) }] : [];
        }),
        loop: first?.kind === "loop" ? first : undefined,
        inner: inner.map(ready),
      };
    };
    this.#stages = written.stages.map(ready);
  }

  #words(): Int32Array {
    return this.#heap.as(this.#desk);
  }

  /** Says where the thread's memory lies now. */
  settle(ground: Ground): void {
    this.#ground = ground;
  }

  /** Sets the address of a value for this thread. */
  bind(value: number, address: number): void {
    this.#words()[(this.#ground.table + desk.values) / 4 + value] = address;
  }

  run(): void {
    this.#list(this.#stages);
  }

  #list(list: readonly Ready[]): void {
    list.forEach((stage, i) => {
      // Serial stages in a row are thread 0's own business.
      if (i > 0 && !(stage.serial && list[i - 1]!.serial)) this.#meet();
      if (stage.serial && this.#thread > 0) return this.#clear(stage);
      if (stage.loop) this.#loop(stage, stage.loop);
      else this.#stage(stage);
    });
  }

  #loop({ inner }: Ready, loop: Loop): void {
    const meets = !(inner[0]!.serial && inner[inner.length - 1]!.serial);
    for (let n = 0; n < loop.steps; n++) {
      if (n > 0 && meets) this.#meet();
      this.#step(loop, n);
      this.#list(inner);
    }
  }

  /** Binds a loop's values for step n. */
  #step(loop: Loop, n: number): void {
    const words = this.#words();
    const first = (this.#ground.table + desk.values) / 4;
    const piece = loop.reverse ? loop.steps - 1 - n : n;
    for (const { inner, outer } of loop.same) words[first + inner] = words[first + outer]!;
    for (const bonds of [loop.reads, loop.writes])
      for (const { inner, outer } of bonds) {
        const { dtype, length } = this.#values[inner]!;
        words[first + inner] = words[first + outer]! + piece * length * bytesOf(dtype);
      }
    for (const { before, after, start, even, odd } of loop.carries) {
      words[first + before] = words[first + (n === 0 ? start : n % 2 === 1 ? even : odd)]!;
      words[first + after] = words[first + (n % 2 === 1 ? odd : even)]!;
    }
  }

  /** Sums of nothing yet. */
  #clear({ partials }: Ready): void {
    for (const { offset, bytes } of partials) this.#heap.fill(this.#ground.partial + offset, bytes);
  }

  #stage(stage: Ready): void {
    const { samples, chunk, calls, kernels, owners } = stage;
    const { table } = this.#ground;
    if (stage.partials.length > 0) this.#clear(stage);
    const threads = stage.serial ? 1 : this.#threads;
    if (samples === 0) {
      for (let i = 0; i < calls.length; i++) {
        const owner = owners ? owners[i]! : -1;
        if (owner >= 0) {
          if (owner === this.#thread) calls[i]!(table, 0, kernels[i]!.units);
          continue;
        }
        const { units, grain = 1 } = kernels[i]!;
        const from = threads === 1 ? 0 : part(units, grain, this.#thread, threads);
        const to = threads === 1 ? units : part(units, grain, this.#thread + 1, threads);
        if (from < to) calls[i]!(table, from, to);
      }
      return;
    }
    const end = Math.floor((samples * (this.#thread + 1)) / threads);
    for (let at = Math.floor((samples * this.#thread) / threads); at < end; at += chunk) {
      if (stage.locals.length > 0) {
        const words = this.#words();
        const first = (table + desk.values) / 4;
        for (const { value, offset, bytes } of stage.locals) words[first + value] = this.#ground.local + offset - at * bytes;
      }
      const to = Math.min(at + chunk, end);
      for (let i = 0; i < calls.length; i++) calls[i]!(table, at, to);
    }
  }
}

/** Where the work of a thread begins. */
const part = (units: number, grain: number, thread: number, threads: number): number =>
  thread === threads ? units : Math.floor((Math.ceil(units / grain) * thread) / threads) * grain;
