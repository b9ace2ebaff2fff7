/** Numbers in the engine's memory. */
import { allocateStorage, type DType, type Storage } from "../../base/dtype.ts";
import type { Memory } from "../../graph/node.ts";
import type { Heap } from "./heap.ts";

/** They leave the engine as copies only, so that nobody is left with memory that has moved. */
export class WasmMemory implements Memory {
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
