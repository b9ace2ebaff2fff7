import type { DType, TypedArray } from "../base/dtype.ts";
import type { Program } from "../compiler/program.ts";
import type { Target } from "../compiler/target.ts";
import type { Memory } from "../graph/node.ts";

/** A program made ready, to be run once per step. */
export interface Prepared {
  /** Runs one step. `inputs[i]` and `outputs[j]` may be the same memory where the program updates it. */
  run(inputs: readonly Memory[], outputs: readonly Memory[], scalars: Float64Array): void;
}

/** What runs compiled programs. Engines know kernels; no op knows an engine. */
export interface Engine {
  readonly name: string;
  readonly target: Target;
  /** Whether results can be read without waiting. */
  readonly immediate: boolean;
  prepare(program: Program): Prepared;
  /** Memory for `length` numbers; zeroed. */
  allocate(dtype: DType, length: number): Memory;
  /** Whether a program of this engine can write over `memory` where it lies; without this, it can. */
  writes?(memory: Memory): boolean;
  /** The numbers in `memory`: the only thing that may have to wait. */
  read(memory: Memory): Promise<TypedArray>;
  /** One line for people: instruction set, threads. */
  describe(): string;
}
