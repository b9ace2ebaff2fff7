/**
 * What kernels are written against.
 *
 * Each thread has a desk: a piece of memory with the address of every value of the program, where its own scratch memory is, and which thread it is.
 * A kernel is a function (desk, from, to) that does units `from` to `to` of its work: samples in a stage over samples, else whatever it likes, as long as units do not
 * need each other. A kind plugs in as `emit…(kernel, context): Emitted` in `module.ts`. Sums over samples (values at home in `partial`) are zeroed before
 * a stage begins, and kernels add to them. What follows a product (`finish`) is written by `finishOf` as a function over rows of results, or, on registers, by `BodyWriter`.
 */
import { bytesOf, type DType } from "../../base/dtype.ts";
import type { Program, Stage, Value } from "../../compiler/program.ts";
import type { Callable, Code, FunctionBuilder, Local, ModuleBuilder, Type } from "./assembler.ts";

/** Places on a desk, in bytes. */
export const desk = {
  /** The thread's number. */
  thread: 0,
  /** Memory for a kernel while it runs. */
  scratch: 4,
  /** Thread 0's sums; those of the others follow, each `partialBytes` further on. */
  partials: 8,
  /** Memory for the samples in flight. */
  local: 12,
  /** The address of value v is at values + 4 v; behind the last one, from where to where the thread's parts of the work go. */
  values: 64,
};

/** A kernel as a function (desk, from, to). */
export interface Emitted {
  /** The function; or what does it from JavaScript, on the caller's thread. */
  readonly call: Callable | Plain;
  /** Work there is: the largest `to`. */
  readonly units: number;
  /** Threads begin at multiples of it. */
  readonly grain?: number;
}

/** A kernel that has no code of its own yet: plain loops in JavaScript on the same memory. `exports`: the module's functions. */
export type Plain = (memory: Reach, exports: WebAssembly.Exports) => (table: number, from: number, to: number) => void;

/** How JavaScript gets at values. */
export interface Reach {
  /** The address of a value on a thread's desk, and of its scratch memory. */
  address(table: number, value: number): number;
  scratch(table: number): number;
  readonly buffer: ArrayBufferLike;
}

/** What a kernel's writer knows about the program around it. */
export class Context {
  readonly module: ModuleBuilder;
  readonly values: readonly Value[];
  readonly threads: number;
  /** Bytes from one thread's sums to the next one's. */
  readonly partialBytes: number;
  /** Of the stage being written: samples that are shared out, or 0. */
  samples = 0;
  #scratch = 0;
  #names = 0;
  #ranges = 0;
  /** Kernels that JavaScript does, in the order of their imports. */
  readonly plain: Plain[] = [];

  constructor(module: ModuleBuilder, program: Program, threads: number) {
    this.module = module;
    this.values = program.values;
    this.threads = threads;
    this.partialBytes = Math.ceil(program.partial / 64) * 64;
  }

  /** Writes a function that can be called by name from outside. */
  define<const P extends readonly Type[]>(params: P, write: Parameters<typeof ModuleBuilder.prototype.define<P>>[3]): Callable & { readonly name: string } {
    const name = `f${this.#names++}`;
    return { ...this.module.define(name, params, undefined, write), name };
  }

  /** Writes a kernel. */
  kernel(write: (f: FunctionBuilder, table: Local<"i32">, from: Local<"i32">, to: Local<"i32">) => void): Callable {
    return this.module.define(undefined, ["i32", "i32", "i32"], undefined, write);
  }

  /** A kernel that JavaScript does, as the module calls it. */
  outside(call: Plain): Callable {
    return this.module.imported("plain", String(this.plain.push(call) - 1), ["i32", "i32", "i32"]);
  }

  /** Where on a desk parts of the work are named. */
  get rangesAt(): number {
    return desk.values + 4 * this.values.length;
  }

  /** Makes room for so many parts. */
  rooms(count: number): void {
    this.#ranges = count;
  }

  /** Bytes from one thread's desk to the next one's. */
  get deskBytes(): number {
    return Math.ceil((this.rangesAt + 8 * this.#ranges) / 64) * 64;
  }

  enter(stage: Stage): void {
    this.samples = stage.samples;
  }

  /** Makes sure that each thread has so many bytes of scratch memory; kernels begin at its start. */
  reserve(bytes: number): void {
    this.#scratch = Math.max(this.#scratch, Math.ceil(bytes / 64) * 64);
  }

  /** Bytes of scratch memory a thread needs. */
  get scratch(): number {
    return this.#scratch;
  }

  dtypeOf(value: number): DType {
    return this.values[value]!.home.at === "scalar" ? "float64" : this.values[value]!.dtype;
  }

  /** Bytes of one number as it lies in memory. */
  sizeOf(value: number): number {
    return bytesOf(this.dtypeOf(value));
  }

  isPartial(value: number): boolean {
    return this.values[value]!.home.at === "partial";
  }

  /** The address of a value's first number. */
  address(f: FunctionBuilder, table: Local<"i32">, value: number): Code<"i32"> {
    return f.i32.load(f.get(table), desk.values + 4 * value);
  }

  scratchAddress(f: FunctionBuilder, table: Local<"i32">): Code<"i32"> {
    return f.i32.load(f.get(table), desk.scratch);
  }
}
