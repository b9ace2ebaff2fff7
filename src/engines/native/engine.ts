/** The engine for Node: kernels in C++, one parallel region a step. */
import { allocateStorage, bytesOf, type DType, load, type Storage } from "../../base/dtype.ts";
import { CambiumError } from "../../base/error.ts";
import type { Program } from "../../compiler/program.ts";
import { hostMemory, type Memory } from "../../graph/node.ts";
import type { Engine, Prepared } from "../engine.ts";
import { encode } from "./encode.ts";
import { loadAddon, type Addon, type Handle } from "./load.ts";
import { defaultThreads } from "./threads.ts";

/** From this many bytes on, memory begins at a multiple of 64: vectors that straddle cache lines cost double. */
const alignedFrom = 2048;

/** The native engine. @throws an `engine` error that says why when it is not there */
export function nativeEngine(threads: number = defaultThreads()): Engine {
  const addon = loadAddon();
  if (typeof addon === "string") throw new CambiumError("engine", "native", addon);
  return {
    name: "native",
    target: { plain: false, threads, cache: 512 * 1024, composites: new Set(["attention", "attentionGradient"]) },
    immediate: true,
    prepare: (program) => new NativeProgram(addon, program, threads),
    allocate: (dtype, length) => hostMemory(dtype, zeros(addon, dtype, length)),
    read: (memory) => Promise.resolve(load(memory.dtype, memory.host!)),
    describe: () => `native: ${addon.info().isa}, ${threads} ${threads === 1 ? "thread" : "threads"}`,
  };
}

function zeros(addon: Addon, dtype: DType, length: number): Storage {
  const size = bytesOf(dtype);
  if (length * size < alignedFrom) return allocateStorage(dtype, length);
  const spare = allocateStorage(dtype, length + 64 / size);
  const skip = (64 - addon.misalignment(spare)) % 64;
  return skip % size === 0 ? spare.subarray(skip / size, skip / size + length) : spare.subarray(0, length);
}

class NativeProgram implements Prepared {
  readonly #addon: Addon;
  readonly #handle: Handle;
  readonly #inputs: number;
  readonly #slots: number;
  readonly #lengths: readonly number[];
  /** What is bound to each slot; kept here so that it stays alive. */
  readonly #bound: (Storage | undefined)[];
  readonly #scalars: Float64Array;

  constructor(addon: Addon, program: Program, threads: number) {
    const { words, numbers } = encode(program, threads);
    this.#addon = addon;
    this.#scalars = new Float64Array(program.scalars);
    this.#handle = said(() => addon.prepare(words, numbers, this.#scalars));
    this.#inputs = program.inputs.length;
    this.#slots = program.inputs.length + program.outputs.length;
    this.#lengths = [...program.inputs, ...program.outputs].map((slot) => slot.length);
    this.#bound = new Array<Storage | undefined>(this.#slots).fill(undefined);
  }

  run(inputs: readonly Memory[], outputs: readonly Memory[], scalars: Float64Array): void {
    const bound = this.#bound;
    for (let slot = 0; slot < this.#slots; slot++) {
      const memory = slot < this.#inputs ? inputs[slot] : outputs[slot - this.#inputs];
      const host = memory?.host;
      // A buffer that has been transferred away is still the same array, but its length is 0.
      if (host !== bound[slot] || host === undefined || host.length < this.#lengths[slot]!) this.#bind(slot, host);
    }
    const own = this.#scalars;
    if (scalars.length < own.length) throw new CambiumError("engine", "native", `the program takes ${own.length} scalars, got ${scalars.length}`);
    for (let i = 0; i < own.length; i++) own[i] = scalars[i]!;
    said(() => this.#addon.run(this.#handle));
  }

  #bind(slot: number, host: Storage | undefined): void {
    const name = slot < this.#inputs ? `input ${slot}` : `output ${slot - this.#inputs}`;
    if (host === undefined) throw new CambiumError("engine", "native", `${name} is missing or not on the host`);
    this.#bound[slot] = undefined;
    said(() => this.#addon.bind(this.#handle, slot, host));
    this.#bound[slot] = host;
  }
}

/** Does something with the addon; its errors get the name of this engine. */
function said<T>(what: () => T): T {
  try {
    return what();
  } catch (error) {
    throw new CambiumError("engine", "native", (error as Error).message);
  }
}
