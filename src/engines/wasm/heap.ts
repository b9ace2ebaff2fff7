/** The engine's memory: pieces that are handed out and taken back. */
import type { Storage } from "../../base/dtype.ts";
import { CambiumError } from "../../base/error.ts";
import { meeting } from "./meeting.ts";

const page = 65536;
/** The most pages there can be: addresses have 32 bits. */
export const mostPages = 65536;

/** A piece of memory. */
export interface Piece {
  readonly at: number;
  readonly bytes: number;
}

export class Heap {
  readonly memory: WebAssembly.Memory;
  /** Pieces that have been given back, by size. */
  readonly #free = new Map<number, number[]>();
  /** Where nothing has been handed out yet. */
  #end = meeting.end;
  #used = 0;
  #views: { readonly buffer: ArrayBufferLike; readonly length: number; readonly arrays: ReadonlyMap<unknown, Storage> } | undefined;

  constructor(shared: boolean) {
    this.memory = new WebAssembly.Memory({ initial: 64, maximum: mostPages, shared });
  }

  /** Bytes handed out. */
  get used(): number {
    return this.#used;
  }

  /** A piece at a multiple of 64. What was there before is still in it. */
  take(bytes: number): Piece {
    const size = rounded(bytes);
    this.#used += size;
    const known = this.#free.get(size)?.pop();
    if (known !== undefined) return { at: known, bytes: size };
    const at = this.#end;
    // Kernels read whole vectors, up to 64 bytes past the end of a value.
    const missing = at + size + 64 - this.memory.buffer.byteLength;
    if (missing > 0) {
      const pages = this.memory.buffer.byteLength / page;
      const wanted = Math.max(Math.ceil(missing / page), Math.min(pages >> 2, 4096));
      if (!this.#grow(Math.min(wanted, mostPages - pages)) && !this.#grow(Math.ceil(missing / page)))
        throw new CambiumError(
          "engine",
          "wasm",
          `no memory for ${bytes} bytes more beside the ${this.#used - size} in use`,
          "use smaller batches, or the native engine",
        );
      if (this.memory.buffer.byteLength < at + size + 64)
        throw new CambiumError(
          "engine",
          "wasm",
          `${this.#used} bytes are more than the 4 GiB that WebAssembly can reach`,
          "use smaller batches, or the native engine",
        );
    }
    this.#end = at + size;
    return { at, bytes: size };
  }

  give({ at, bytes }: Piece): void {
    this.#used -= bytes;
    const list = this.#free.get(bytes);
    if (list) list.push(at);
    else this.#free.set(bytes, [at]);
  }

  #grow(pages: number): boolean {
    try {
      this.memory.grow(pages);
      return true;
    } catch {
      return false;
    }
  }

  /** All of memory as an array of the kind that `like` is; to be asked for anew whenever memory may have grown. */
  as<S extends Storage>(like: S): S {
    const { buffer } = this.memory;
    if (this.#views?.buffer !== buffer || this.#views.length !== buffer.byteLength)
      this.#views = { buffer, length: buffer.byteLength, arrays: new Map(kinds.map((kind) => [kind, new kind(buffer)])) };
    return this.#views.arrays.get(like.constructor) as S;
  }

  read(at: number, into: Storage): void {
    const all = this.as(into);
    const from = at / into.BYTES_PER_ELEMENT;
    into.set(all.subarray(from, from + into.length) as never);
  }

  write(at: number, numbers: Storage): void {
    this.as(numbers).set(numbers as never, at / numbers.BYTES_PER_ELEMENT);
  }

  fill(at: number, bytes: number): void {
    this.as(anyBytes).fill(0, at, at + bytes);
  }
}

const anyBytes = new Uint8Array(0);
const kinds = [Float32Array, Float64Array, Int32Array, Uint8Array, Int8Array, Uint16Array, BigInt64Array];

/** Sizes come in eight steps to each doubling, so that pieces are used again though few are of just one size. */
function rounded(bytes: number): number {
  const least = Math.ceil(Math.max(bytes, 1) / 64) * 64;
  if (least <= 512) return least;
  const step = Math.max(64, 2 ** (Math.floor(Math.log2(least)) - 3));
  return Math.ceil(least / step) * step;
}
