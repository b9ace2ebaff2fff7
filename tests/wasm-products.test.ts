import v8 from "node:v8";
import { describe, expect, it } from "vitest";
import { ModuleBuilder } from "../src/engines/wasm/assembler.ts";
import { features } from "../src/engines/wasm/features.ts";
import type { Finish, Product } from "../src/engines/wasm/operands.ts";
import { product, productScratch } from "../src/engines/wasm/product.ts";

// Node 20 has it, but not switched on.
v8.setFlagsFromString("--experimental-wasm-relaxed-simd");

const memory = new WebAssembly.Memory({ initial: 400, maximum: 400 });
const limits = { shared: false, least: 1, most: 65536 };
const [aAt, bAt, outAt, scratchAt] = [1 << 16, 6 << 20, 11 << 20, 16 << 20];

/** Numbers whose products and sums floats hold exactly. */
const fill = (at: number, length: number, wide: boolean): Float32Array | Float64Array => {
  const x = wide ? new Float64Array(memory.buffer, at, length) : new Float32Array(memory.buffer, at, length);
  for (let i = 0; i < length; i++) x[i] = ((i * 7919) % 23) - 11;
  return x;
};

/** Adds 1 and stores at row · n + col, so that a row finished twice or at a wrong place shows. */
const plusOne =
  (p: { n: number; wide: boolean }): Finish =>
  (f, { row, rows, col, cols, at, stride }) => {
    const [r, c, from, to] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
    const bytes = p.wide ? 8 : 4;
    f.count(r, f.integer(0), rows, 1, () =>
      f.count(c, f.integer(0), cols, 1, () => {
        f.set(from, f.i32.add(f.get(at), f.i32.add(f.i32.mul(f.get(r), f.integer(stride)), f.i32.mul(f.get(c), f.integer(bytes)))));
        const place = f.i32.add(f.i32.mul(f.i32.add(f.get(row), f.get(r)), f.integer(p.n)), f.i32.add(f.get(col), f.get(c)));
        f.set(to, f.plus(f.i32.mul(place, f.integer(bytes)), outAt));
        if (p.wide) f.f64.store(f.get(to), f.f64.add(f.f64.add(f.f64.load(f.get(from)), f.double(1)), f.f64.load(f.get(to))));
        else f.f32.store(f.get(to), f.f32.add(f.f32.add(f.f32.load(f.get(from)), f.float(1)), f.f32.load(f.get(to))));
      }),
    );
  };

type Ranges = readonly (readonly [m0: number, m1: number, n0: number, n1: number])[];

/** How far the product, made in pieces, is from plain loops, and how many numbers beside it were touched. */
function check(spec: Omit<Product, "outRow" | "finish" | "allRows">, finished: boolean, relaxed: boolean, ranges: Ranges = [[0, spec.m, 0, spec.n]]): number {
  const { m, n, k, wide } = spec;
  const p: Product = { ...spec, allRows: ranges.every(([m0, m1]) => m0 === 0 && m1 === m), outRow: n, ...(finished ? { finish: plusOne(spec) } : {}) };
  // Where the first number lies, if the others lie before it.
  const behind = (length: number, step: number): number => Math.max(0, (1 - length) * step) * (wide ? 8 : 4);
  const [aFirst, bFirst] = [behind(m, p.aRow) + behind(k, p.aCol), behind(k, p.bRow) + behind(n, p.bCol)].map((x) => x / (wide ? 8 : 4)) as [number, number];
  const module = new ModuleBuilder(limits, relaxed);
  const inner = product(module, p);
  module.define("run", ["i32", "i32", "i32", "i32"], undefined, (f, m0, m1, n0, n1) => {
    f.call(inner, f.integer(0), f.integer(aAt + behind(m, p.aRow) + behind(k, p.aCol)), f.integer(bAt + behind(k, p.bRow) + behind(n, p.bCol)), f.integer(outAt), f.integer(scratchAt), f.integer(0), f.get(m0), f.get(m1), f.get(n0), f.get(n1));
  });
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), { memory: { memory } }).exports as { run: (...x: number[]) => void };
  const reach = (rows: number, cols: number, row: number, col: number): number => Math.abs((rows - 1) * row) + Math.abs((cols - 1) * col) + 1;
  const a = fill(aAt, reach(m, k, p.aRow, p.aCol), wide);
  const b = fill(bAt, reach(k, n, p.bRow, p.bCol), wide);
  const out = wide ? new Float64Array(memory.buffer, outAt, m * n + 8) : new Float32Array(memory.buffer, outAt, m * n + 8);
  out.fill(0);
  out.fill(77, m * n);
  const guard = new Uint8Array(memory.buffer, scratchAt + productScratch(module, p), 256).fill(99);
  for (const r of ranges) run(...r);
  let worst = 0;
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      let sum = finished ? 1 : 0;
      for (let l = 0; l < k; l++) sum += a[aFirst + i * p.aRow + l * p.aCol]! * b[bFirst + l * p.bRow + j * p.bCol]!;
      worst = Math.max(worst, Math.abs(out[i * n + j]! - sum));
    }
  for (let i = 0; i < 8; i++) worst += Math.abs(out[m * n + i]! - 77);
  for (const x of guard) worst += Math.abs(x - 99);
  return worst;
}

const layouts = ["plain", "a turned", "b turned", "both turned"] as const;
const strides = (layout: (typeof layouts)[number], m: number, n: number, k: number) => ({
  ...(layout === "a turned" || layout === "both turned" ? { aRow: 1, aCol: m } : { aRow: k, aCol: 1 }),
  ...(layout === "b turned" || layout === "both turned" ? { bRow: 1, bCol: k } : { bRow: n, bCol: 1 }),
});
const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 31, 33, 50, 65];

describe.each([...new Set([false, features().relaxed])])("a product of WebAssembly, rounded %s at once,", (relaxed) => {
  it.each(layouts)("equals plain loops in odd sizes, %s", (layout) => {
    let seed = 1;
    const pick = (): number => sizes[(seed = (seed * 16807) % 2147483647) % sizes.length]!;
    for (let i = 0; i < 60; i++) {
      const [m, n, k] = [pick(), pick(), pick()];
      for (const finished of [false, true])
        for (const wide of [false, true]) expect(check({ m, n, k, wide, ...strides(layout, m, n, k) }, finished, relaxed), `${m} × ${n} × ${k} ${layout} ${finished} ${wide}`).toBe(0);
    }
  });
  it.each(layouts)("equals plain loops beyond one block, %s", (layout) => {
    for (const [m, n, k] of [[7, 70, 1030], [260, 300, 70], [250, 40, 1100], [128, 128, 128], [3, 1100, 40], [512, 1, 64], [512, 2, 128], [1, 700, 130]] as const)
      for (const finished of [false, true]) expect(check({ m, n, k, wide: false, ...strides(layout, m, n, k) }, finished, relaxed), `${m} × ${n} × ${k} ${finished}`).toBe(0);
  });
});

describe("a product of WebAssembly", () => {
  it("is made of parts of its rows or columns", () => {
    for (const layout of layouts)
      for (const finished of [false, true]) {
        const p = { m: 45, n: 77, k: 40, wide: false, ...strides(layout, 45, 77, 40) };
        expect(check(p, finished, false, [[0, 22, 0, 77], [22, 45, 0, 77]])).toBe(0);
        expect(check(p, finished, false, [[0, 45, 0, 32], [0, 45, 32, 77], [5, 5, 0, 77]])).toBe(0);
      }
  });
  it("takes operands that repeat or run backwards", () => {
    for (const [m, n, k] of [[5, 9, 12], [60, 60, 60], [2, 3, 9]] as const) {
      expect(check({ m, n, k, wide: false, aRow: 0, aCol: 1, bRow: n, bCol: 1 }, true, false)).toBe(0);
      expect(check({ m, n, k, wide: false, aRow: k, aCol: 1, bRow: 0, bCol: 1 }, true, false)).toBe(0);
      expect(check({ m, n, k, wide: false, aRow: k, aCol: 1, bRow: 1, bCol: 0 }, true, false)).toBe(0);
      expect(check({ m, n, k, wide: false, aRow: 2 * k, aCol: 2, bRow: 3 * n, bCol: 3 }, true, false)).toBe(0);
      expect(check({ m, n, k, wide: false, aRow: -k, aCol: 1, bRow: -n, bCol: 1 }, true, false)).toBe(0);
      expect(check({ m, n, k, wide: false, aRow: k, aCol: -1, bRow: -1, bCol: -k }, true, false)).toBe(0);
    }
  });
});
