import { CambiumError } from "./error.ts";

/**
 * Two random 32-bit words for a key and a counter, into `out[at]` and `out[at + 1]`: Threefry 2x32 with 20 rounds.
 * @source Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011); the Random123 library
 */
export function threefry2x32(key0: number, key1: number, counter0: number, counter1: number, out: Int32Array | Uint32Array, at = 0): void {
  let k0 = key0 | 0;
  let k1 = key1 | 0;
  let k2 = 0x1bd11bda ^ k0 ^ k1;
  let x0 = (counter0 + k0) | 0;
  let x1 = (counter1 + k1) | 0;
  for (let group = 1; group <= 5; group++) {
    if (group & 1) {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
    } else {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 17) | (x1 >>> 15)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 29) | (x1 >>> 3)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 16) | (x1 >>> 16)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 24) | (x1 >>> 8)) ^ x0;
    }
    x0 = (x0 + k1) | 0;
    x1 = (x1 + k2 + group) | 0;
    const used = k0;
    k0 = k1;
    k1 = k2;
    k2 = used;
  }
  out[at] = x0;
  out[at + 1] = x1;
}

/**
 * A sequence of random numbers that depends on nothing but its seed and its number: streams of one seed are independent of each other.
 * @throws a `value` error when `seed` is not a whole number between -2^53 and 2^53
 */
export class Stream {
  readonly #key0: number;
  readonly #key1: number;
  readonly #number: number;
  readonly #block: Uint32Array = new Uint32Array(2);
  #count = 0;
  #spare = Number.NaN;

  constructor(seed: number, number = 0) {
    if (!Number.isSafeInteger(seed)) throw new CambiumError("value", "seed", `${seed} is not a seed; a seed is a whole number between -2^53 and 2^53`);
    this.#key0 = seed >>> 0;
    this.#key1 = Math.floor(seed / 2 ** 32) >>> 0;
    this.#number = number;
  }

  /** The next whole number in [0, 2^32). */
  uint32(): number {
    const half = this.#count & 1;
    if (half === 0) threefry2x32(this.#key0, this.#key1, this.#count / 2, this.#number, this.#block);
    this.#count++;
    return this.#block[half]!;
  }

  /** The next number in [0, 1); it has 24 bits, so it stays below 1 as a float32 too. */
  uniform(): number {
    return (this.uint32() >>> 8) * 2 ** -24;
  }

  /** The next whole number in [0, n), for n up to 2^32. */
  below(n: number): number {
    return Math.floor(this.uint32() * 2 ** -32 * n);
  }

  /** The next number of the standard normal distribution, by Box and Muller's method. */
  normal(): number {
    if (!Number.isNaN(this.#spare)) {
      const value = this.#spare;
      this.#spare = Number.NaN;
      return value;
    }
    // 1 - u lies in (0, 1], where the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** The numbers 0 to n - 1 in random order. */
  permutation(n: number): Int32Array {
    const order = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      const j = this.below(i + 1);
      order[i] = order[j]!;
      order[j] = i;
    }
    return order;
  }
}
