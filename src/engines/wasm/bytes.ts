/** A growing row of bytes, with the number formats of WebAssembly's binary code. */
export class Bytes {
  #data: Uint8Array;
  #length = 0;

  constructor(capacity = 256) {
    this.#data = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** What has been written; good until more is. */
  get view(): Uint8Array {
    return this.#data.subarray(0, this.#length);
  }

  byte(x: number): void {
    if (this.#length === this.#data.length) this.#grow(1);
    this.#data[this.#length++] = x;
  }

  append(bytes: ArrayLike<number>): void {
    if (this.#length + bytes.length > this.#data.length) this.#grow(bytes.length);
    this.#data.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A whole number from 0 to 2³² − 1. */
  unsigned(x: number): void {
    let rest = x >>> 0;
    while (rest > 127) {
      this.byte((rest & 127) | 128);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** A whole number of 32 bits. */
  signed(x: number): void {
    let rest = x | 0;
    while (rest > 63 || rest < -64) {
      this.byte((rest & 127) | 128);
      rest >>= 7;
    }
    this.byte(rest & 127);
  }

  /** A whole number up to 2⁵³, as one of 64 bits. */
  long(x: number): void {
    let rest = BigInt(x);
    while (rest > 63n || rest < -64n) {
      this.byte(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    this.byte(Number(rest & 127n));
  }

  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.unsigned(bytes.length);
    this.append(bytes);
  }

  /** Room for a number to come, of five bytes; returns its place. */
  room(): number {
    const at = this.#length;
    this.append(empty);
    return at;
  }

  /** Fills in the number that `room` was made for. */
  fill(at: number, x: number): void {
    for (let i = 0; i < 5; i++) this.#data[at + i] = ((x >>> (7 * i)) & 127) | (i < 4 ? 128 : 0);
  }

  #grow(by: number): void {
    const larger = new Uint8Array(Math.max(2 * this.#data.length, this.#length + by));
    larger.set(this.view);
    this.#data = larger;
  }
}

const empty = new Uint8Array(5);
