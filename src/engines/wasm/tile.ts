/** The register tile below every matrix product and convolution: sums of rows by vectors that stay in registers while k runs. */
import type { Callable, FunctionBuilder, Local, ModuleBuilder } from "./assembler.ts";
import { once } from "./once.ts";

/** Numbers in a vector, and bytes of one of them. */
export const lanesOf = (wide: boolean): number => (wide ? 2 : 4);
export const bytesOfNumber = (wide: boolean): number => (wide ? 8 : 4);

/** Vectors a tile of the usual height is wide. */
const usualVectors = 2;

/** Rows of a tile: twelve sums, a row of B and a number of A fill V8's registers. A product rounded by itself needs one more in between. */
export const tileRows = (relaxed: boolean): number => (relaxed ? 6 : 4);

/** The width in vectors of tiles for a product of so many rows: few rows take wide tiles, so that enough sums are in flight. */
export const vectorsFor = (rows: number): number => (rows === 1 ? 8 : rows === 2 ? 4 : usualVectors);

/** How often an inner loop repeats its body. V8 up to 12 unrolls by itself, and more makes it run out of registers. */
export function unrolling(): number {
  const v8 = Number((globalThis as { process?: { versions?: { v8?: string } } }).process?.versions?.v8?.split(".")[0] ?? 99);
  return v8 < 13 ? 1 : 4;
}

/** Sums in registers. They begin as zeros, as a function's locals do. */
export class Sums {
  readonly #f: FunctionBuilder;
  readonly #wide: boolean;
  readonly #sums: Local<"v128">[][];
  readonly #b: Local<"v128">[];
  readonly #a: Local<"v128">[];

  constructor(f: FunctionBuilder, wide: boolean, rows: number, vectors: number) {
    const locals = (n: number): Local<"v128">[] => Array.from({ length: n }, () => f.local("v128"));
    this.#f = f;
    this.#wide = wide;
    this.#sums = Array.from({ length: rows }, () => locals(vectors));
    // With few rows their numbers of A are held, else the vectors of B.
    this.#a = locals(rows < vectors ? rows : 1);
    this.#b = locals(rows < vectors ? 1 : vectors);
  }

  /** Adds a[row] · b for one k: row r's number at `a + offsets[r]`; the vectors of B one after the other from `b + bOffset`. */
  add(a: Local<"i32">, offsets: readonly number[], b: Local<"i32">, bOffset: number): void {
    const splat = (r: number): void => {
      const { v128 } = this.#f;
      const at = this.#f.get(a);
      this.#f.set(this.#a[r % this.#a.length]!, this.#wide ? v128.load64Splat(at, offsets[r]) : v128.load32Splat(at, offsets[r]));
    };
    const fetch = (v: number): void => this.#f.set(this.#b[v % this.#b.length]!, this.#f.v128.load(this.#f.get(b), bOffset + 16 * v));
    const rows = this.#sums.map((_, r) => r);
    const vectors = this.#sums[0]!.map((_, v) => v);
    if (this.#a.length > 1 || this.#sums.length < vectors.length) {
      for (const r of rows) splat(r);
      for (const v of vectors) {
        fetch(v);
        for (const r of rows) this.#product(r, v);
      }
      return;
    }
    for (const v of vectors) fetch(v);
    for (const r of rows) {
      splat(r);
      for (const v of vectors) this.#product(r, v);
    }
  }

  /** Adds a[row] ∘ b for one k, where both are vectors: row r's lie one after the other from `a + offsets[r]`. */
  addVectors(a: Local<"i32">, offsets: readonly number[], b: Local<"i32">, bOffset: number): void {
    const f = this.#f;
    for (let v = 0; v < this.#sums[0]!.length; v++) {
      const y = this.#b[v % this.#b.length]!;
      f.set(y, f.v128.load(f.get(b), bOffset + 16 * v));
      this.#sums.forEach((row, r) => {
        const sum = row[v]!;
        f.set(sum, f.multiplyAdd(f.v128.load(f.get(a), offsets[r]! + 16 * v), f.get(y), f.get(sum)));
      });
    }
  }

  #product(r: number, v: number): void {
    const f = this.#f;
    const sum = this.#sums[r]![v]!;
    const a = this.#a[r % this.#a.length]!;
    const b = this.#b[v % this.#b.length]!;
    if (!this.#wide) f.set(sum, f.multiplyAdd(f.get(a), f.get(b), f.get(sum)));
    else f.set(sum, f.f64x2.add(f.f64x2.mul(f.get(a), f.get(b)), f.get(sum)));
  }

  /** Adds what is in memory at `out`, row r at `offsets[r]`. Reads whole vectors. */
  addFrom(out: Local<"i32">, offsets: readonly number[]): void {
    const f = this.#f;
    this.#sums.forEach((row, r) => {
      row.forEach((sum, v) => {
        const before = f.v128.load(f.get(out), offsets[r]! + 16 * v);
        f.set(sum, this.#wide ? f.f64x2.add(before, f.get(sum)) : f.f32x4.add(before, f.get(sum)));
      });
    });
  }

  /** Stores the sums, of the last vector only `last` numbers. */
  store(out: Local<"i32">, offsets: readonly number[], last: number): void {
    const f = this.#f;
    const bytes = bytesOfNumber(this.#wide);
    const whole = last * bytes === 16;
    this.#sums.forEach((row, r) => {
      row.forEach((sum, v) => {
        const at = offsets[r]! + 16 * v;
        if (v < row.length - 1 || whole) return f.v128.store(f.get(out), f.get(sum), at);
        if (last * bytes >= 8) f.v128.storeLane(64, f.get(out), f.get(sum), 0, at);
        if (!this.#wide && last & 1) f.v128.storeLane(32, f.get(out), f.get(sum), last - 1, at + 4 * (last - 1));
      });
    });
  }
}

/** Repeats `step(u)` `count` times; `advance(n)` moves pointers n steps on. */
export function repeat(f: FunctionBuilder, count: Local<"i32">, step: (u: number) => void, advance: (n: number) => void, unroll: number = unrolling()): void {
  const left = f.local("i32");
  const rounds = (n: number): void =>
    f.when(f.get(left), () =>
      f.loop((again) => {
        for (let u = 0; u < n; u++) step(u);
        advance(n);
        f.branchIf(again, f.tee(left, f.i32.sub(f.get(left), f.integer(1))));
      }),
    );
  f.set(left, f.i32.shrUnsigned(f.get(count), f.integer(Math.log2(unroll))));
  rounds(unroll);
  if (unroll === 1) return;
  f.set(left, f.i32.and(f.get(count), f.integer(unroll - 1)));
  rounds(1);
}

/** A tile of a matrix product; distances in bytes. */
export interface Tile {
  readonly wide: boolean;
  readonly rows: number;
  readonly columns: number;
  /** From row to row and from k to k + 1 of A; not negative from row to row. */
  readonly aRow: number;
  readonly aStep: number;
  /** From k to k + 1 of B, whose columns lie side by side. */
  readonly bStep: number;
  readonly outRow: number;
  /** After every so many k, how much further A and B lie than a step on. */
  readonly turn?: { readonly every: number; readonly a: number; readonly b: number };
  /** A too has a number for each column: products are column by column. */
  readonly byColumn?: boolean;
}

/**
 * The function (a, b, out, depth, add): out = a · b, or out += a · b. It reads whole vectors of B and `out`, and stores exactly.
 * It has one loop, and sums meet nowhere: between nested loops, in code without loops, and where two ways join, V8 moves sums through memory at each step, which
 * halves the speed.
 */
export function tile(module: ModuleBuilder, t: Tile): Callable {
  const turn = t.turn && (t.turn.a !== 0 || t.turn.b !== 0) ? t.turn : undefined;
  const key = [t.wide, t.rows, t.columns, t.aRow, t.aStep, t.bStep, t.outRow, turn?.every, turn?.a, turn?.b, t.byColumn].join(" ");
  return once(module, `tile ${key}`, () =>
    module.define(undefined, ["i32", "i32", "i32", "i32", "i32"], undefined, (f, a, b, out, depth, add) => {
      const lanes = lanesOf(t.wide);
      const vectors = Math.ceil(t.columns / lanes);
      const sums = new Sums(f, t.wide, t.rows, vectors);
      const rows = Array.from({ length: t.rows }, (_, r) => r);
      const left = f.local("i32");
      if (turn) f.set(left, f.integer(turn.every));
      // Steps of an unrolled loop are offsets too, unless k runs backwards.
      const unroll = t.aStep >= 0 && t.bStep >= 0 && !turn ? unrolling() : 1;
      repeat(
        f,
        depth,
        (u) => {
          const offsets = rows.map((r) => r * t.aRow + u * t.aStep);
          if (t.byColumn) sums.addVectors(a, offsets, b, u * t.bStep);
          else sums.add(a, offsets, b, u * t.bStep);
        },
        (n) => {
          f.set(a, f.plus(f.get(a), n * t.aStep));
          f.set(b, f.plus(f.get(b), n * t.bStep));
          if (!turn) return;
          f.when(f.i32.eqz(f.tee(left, f.plus(f.get(left), -1))), () => {
            f.set(left, f.integer(turn.every));
            f.set(a, f.plus(f.get(a), turn.a));
            f.set(b, f.plus(f.get(b), turn.b));
          });
        },
        unroll,
      );
      const places = rows.map((r) => r * t.outRow);
      const last = t.columns - (vectors - 1) * lanes;
      f.when(
        f.get(add),
        () => {
          sums.addFrom(out, places);
          sums.store(out, places, last);
        },
        () => sums.store(out, places, last),
      );
    }),
  );
}
