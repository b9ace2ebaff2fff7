import { resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { allocate, type DType, dtypes, type TypedArray } from "../src/base/dtype.ts";
import { Stream } from "../src/base/random.ts";
import { size, strides as rowMajor } from "../src/base/shape.ts";
import type { Body, Geometry, Instruction, Kernel, Program, Stage, View } from "../src/compiler/program.ts";
import { encode } from "../src/engines/native/encode.ts";
import { nativeEngine } from "../src/engines/native/engine.ts";
import { loadAddon } from "../src/engines/native/load.ts";
import { hostMemory, type Memory } from "../src/graph/node.ts";
import { loopsEngine } from "./program-loops.ts";

const addon = loadAddon();
const stream = new Stream(11);

/** Writes programs down: values first, then stages. Everything named here is an input, an output or memory between. */
class Draft {
  readonly values: { home: any; dtype: DType; length: number }[] = [];
  readonly inputs: { dtype: DType; length: number }[] = [];
  readonly outputs: { dtype: DType; length: number }[] = [];
  readonly stages: Stage[] = [];
  readonly data: TypedArray[] = [];
  scalars: number[] = [];
  arena = 0;
  local = 0;
  partial = 0;

  private value(home: object, dtype: DType, length: number): number {
    return this.values.push({ home, dtype, length }) - 1;
  }
  input(length: number, dtype: DType = "float32", number: (i: number) => number = () => 2 * stream.uniform() - 1): number {
    const array = allocate(dtype, length);
    for (let i = 0; i < length; i++) array[i] = number(i);
    this.data.push(array);
    return this.value({ at: "input", slot: this.inputs.push({ dtype, length }) - 1 }, dtype, length);
  }
  output(length: number, dtype: DType = "float32"): number {
    return this.value({ at: "output", slot: this.outputs.push({ dtype, length }) - 1 }, dtype, length);
  }
  scalar(number: number): number {
    return this.value({ at: "scalar", slot: this.scalars.push(number) - 1 }, "float32", 1);
  }
  between(at: "arena" | "partial" | "local", length: number, dtype: DType = "float32", bytes = length * 8): number {
    const offset = this[at];
    this[at] += Math.ceil(bytes / 64) * 64;
    return this.value({ at, offset }, dtype, length);
  }
  stage(kernels: Kernel[], options: Partial<Stage> = {}): this {
    this.stages.push({ samples: 0, chunk: 0, serial: false, kernels, ...options });
    return this;
  }
  program(): Program {
    const { values, inputs, outputs, stages, arena, local, partial } = this;
    return { values, inputs, outputs, stages, arena, local, partial, scalars: this.scalars.length };
  }
  /** The outputs of some runs on an engine. `over` lists inputs whose memory outputs take. */
  run(engine: ReturnType<typeof nativeEngine>, over: readonly (number | undefined)[] = []): TypedArray[] {
    const inputs = this.data.map((array, i) => hostMemory(this.inputs[i]!.dtype, array.slice() as TypedArray));
    const outputs = this.outputs.map(({ dtype, length }, i): Memory => (over[i] === undefined ? engine.allocate(dtype, length) : inputs[over[i]!]!));
    const prepared = engine.prepare(this.program());
    prepared.run(inputs, outputs, Float64Array.from(this.scalars));
    if (over.length === 0) prepared.run(inputs, outputs, Float64Array.from(this.scalars));
    return outputs.map((m) => m.host!.slice() as TypedArray);
  }
}

const over = (value: number, space: readonly number[], strides: readonly number[] = rowMajor(space), offset = 0): View => ({ value, offset, strides });
type Code = [op: string, args: number[], attrs?: Record<string, unknown>][];
const body = (loads: View[], code: Code, stores: [View, number][], given = 0, type: Body["type"] = "float32"): Body => ({
  type,
  given,
  loads,
  code: code.map(([op, args, attrs]): Instruction => ({ op, args, attrs })),
  stores: stores.map(([view, register]) => ({ ...view, register })),
});

function close(got: TypedArray, want: TypedArray, tolerance: number): void {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < got.length; i++)
    if (!(Math.abs(got[i]! - want[i]!) <= tolerance * (1 + Math.abs(want[i]!))) && !Object.is(got[i], want[i]))
      throw new Error(`[${i}]: ${got[i]}, expected ${want[i]}`);
}

/** Compares one and two threads with plain loops, and two runs with each other bit by bit. */
function check(draft: Draft, tolerance = 2e-5): void {
  const want = draft.run(loopsEngine(1));
  for (const threads of [1, 2, 3]) {
    const engine = nativeEngine(threads);
    const got = draft.run(engine);
    got.forEach((array, i) => close(array, want[i]!, tolerance));
    draft.run(engine).forEach((array, i) => expect(array).toEqual(got[i]));
  }
}

const square: Geometry = {
  samples: 5,
  input: [7, 8],
  output: [5, 6],
  window: [3, 3],
  stride: [1, 1],
  dilation: [1, 1],
  inputDilation: [1, 1],
  padding: [0, 0],
};
const identity = (out: number, space: readonly number[]): Body => body([], [], [[over(out, space), 0]], 1);

const reason = typeof addon === "string" ? ` (skipped: ${addon})` : "";

describe.skipIf(reason !== "")(`the native engine${reason}`, () => {
  test("maps long arrays, broadcasts along rows and columns, and reads across", () => {
    for (const [m, n] of [
      [3, 1000],
      [64, 33],
      [700, 3],
      [1, 5],
      [40, 1],
    ] as const) {
      const d = new Draft();
      const [a, row, column, across, whole] = [d.input(m * n), d.input(n), d.input(m), d.input(m * n), d.scalar(0.5)];
      const out = d.output(m * n);
      const space = [m, n];
      d.stage([
        {
          kind: "map",
          dims: space,
          body: body(
            [over(a, space), over(row, space, [0, 1]), over(column, space, [1, 0]), over(across, space, [1, m]), over(whole, space, [0, 0])],
            [
              ["mul", [0, 1]],
              ["add", [5, 2]],
              ["sub", [6, 3]],
              ["mulAdd", [7, 4, 0]],
              ["tanh", [8]],
            ],
            [[over(out, space), 9]],
          ),
        },
      ]);
      check(d);
    }
  });

  test("converts dtypes as JavaScript's typed arrays do", () => {
    const d = new Draft();
    const [a, b] = [d.input(100, "int32", (i) => i * 1e7 - 3), d.input(100, "uint8", (i) => i * 2)];
    const [i, u, f, t] = [d.output(100, "int32"), d.output(100, "uint8"), d.output(100), d.output(100, "bool")];
    const view = (v: number): View => over(v, [100]);
    d.stage([
      {
        kind: "map",
        dims: [100],
        body: body(
          [view(a), view(b)],
          [
            ["mul", [0, 1]],
            ["div", [0, 1]],
            ["greater", [0, 1]],
          ],
          [
            [view(i), 2],
            [view(u), 2],
            [view(f), 3],
            [view(t), 4],
          ],
          0,
          "float64",
        ),
      },
    ]);
    check(d, 1e-6);
  });

  test("calculates rows with folds in them, short and long", () => {
    for (const [m, n] of [
      [32, 10],
      [3, 5000],
      [257, 16],
      [2, 1],
    ] as const) {
      const d = new Draft();
      const a = d.input(m * n);
      const [out, best, total] = [d.output(m * n), d.output(m, "int32"), d.output(m)];
      const space = [m, n];
      d.stage([
        {
          kind: "map",
          dims: space,
          body: body(
            [over(a, space)],
            [
              ["max", [0]],
              ["sub", [0, 1]],
              ["exp", [2]],
              ["sum", [3]],
              ["div", [3, 4]],
              ["argMax", [5]],
              ["log", [4]],
            ],
            [
              [over(out, space), 5],
              [over(best, space, [1, 0]), 6],
              [over(total, space, [1, 0]), 7],
            ],
          ),
        },
      ]);
      check(d);
    }
  });

  test("draws the same random numbers whatever the threads", () => {
    const d = new Draft();
    const [seed, n] = [d.scalar(123456789), 3000];
    const [u, r] = [d.output(n), d.output(n, "int32")];
    const attrs = { offset: 2 ** 32 - 100, strides: [1] };
    d.stage([
      {
        kind: "map",
        dims: [n],
        body: body(
          [over(seed, [n], [0])],
          [
            ["number", [], { value: 7 }],
            ["uniform", [0, 1], attrs],
          ],
          [[over(u, [n]), 2]],
        ),
      },
    ]);
    d.stage([
      {
        kind: "map",
        dims: [n],
        body: body(
          [over(seed, [n], [0])],
          [
            ["number", [], { value: 7 }],
            ["random", [0, 1], attrs],
          ],
          [[over(r, [n]), 2]],
          0,
          "float64",
        ),
      },
    ]);
    check(d, 0);
  });

  test.each(["sum", "max", "min", "prod", "argMax", "argMin"] as const)("folds by %s along rows and down columns", (op) => {
    for (const [outer, fold, inner] of [
      [[3], [50], 40],
      [[40], [7], 1],
      [[], [3, 11], 1],
      [[2], [5, 9], 3],
      [[], [300], 70],
    ] as const) {
      const d = new Draft();
      const space = [...outer, ...fold, inner];
      const results = [...outer, inner];
      const a = d.input(size(space));
      const out = d.output(size(results));
      const from = body(
        [over(a, space)],
        [
          ["square", [0]],
          ["sub", [0, 1]],
        ],
        [[over(-1, space), 2]],
      );
      d.stage([
        {
          kind: "reduce",
          op,
          outer,
          fold,
          inner,
          body: from,
          finish: body(
            [],
            [
              ["number", [], { value: 2 }],
              ["mul", [0, 1]],
            ],
            [[over(out, results), 2]],
            1,
          ),
        },
      ]);
      check(d);
    }
  });

  test("sums a million numbers to a millionth", () => {
    for (const [fold, inner] of [
      [1e6, 1],
      [250000, 4],
    ] as const) {
      const d = new Draft();
      const a = d.input(1e6, "float32", () => stream.uniform());
      const out = d.output(inner);
      d.stage([
        {
          kind: "reduce",
          op: "sum",
          outer: [],
          fold: [fold],
          inner,
          body: body([over(a, [fold, inner])], [], [[over(-1, [fold, inner]), 0]]),
          finish: identity(out, [inner]),
        },
      ]);
      check(d, 1e-6);
    }
  });

  test("multiplies matrices however they lie and whoever shares the work", () => {
    for (const [batch, m, n, k] of [
      [[], 33, 70, 20],
      [[], 32, 128, 784],
      [[], 784, 128, 32],
      [[3], 17, 9, 40],
      [[2, 2], 5, 64, 8],
      [[], 1, 1, 1],
      [[], 100, 1, 30],
      [[], 1, 300, 64],
    ] as const)
      for (const split of ["batch", "m", "n"] as const)
        for (const turned of [false, true]) {
          const d = new Draft();
          const groups = size(batch);
          const [a, b, bias] = [d.input(groups * m * k), d.input(k * n), d.input(n)];
          const out = d.output(groups * m * n);
          const space = [...batch, m, n];
          const lead = batch.map((_, i) => size(batch.slice(i + 1)) * m * k);
          const finish = body(
            [over(bias, space, [...batch.map(() => 0), 0, 1])],
            [
              ["add", [0, 1]],
              ["relu", [2]],
            ],
            [[over(out, space), 3]],
            1,
          );
          d.stage([
            {
              kind: "matmul",
              batch,
              m,
              n,
              k,
              a: { value: a, offset: 0, strides: [...lead, ...(turned ? [1, m] : [k, 1])] },
              b: { value: b, offset: 0, strides: [...batch.map(() => 0), ...(turned ? [1, k] : [n, 1])] },
              split,
              finish,
            },
          ]);
          check(d, 1e-4);
        }
  });

  test.each(["float64", "int32"] as const)("multiplies matrices of %s", (dtype) => {
    const d = new Draft();
    const [a, b] = [d.input(12 * 7, dtype, (i) => (i % 13) - 6), d.input(7 * 9, dtype, (i) => (i % 11) - 5)];
    const out = d.output(12 * 9, dtype);
    const finish = body([], [], [[over(out, [12, 9]), 0]], 1, "float64");
    d.stage([{ kind: "matmul", batch: [], m: 12, n: 9, k: 7, a: over(a, [12, 7]), b: over(b, [7, 9]), split: "m", finish }]);
    check(d, 1e-12);
  });

  test("takes a step of Adam as a product is finished, over the memory it reads", () => {
    for (const [m, n] of [
      [100, 128],
      [64, 10],
    ] as const) {
      const d = new Draft();
      const [x, dy, p, mom, v] = [d.input(32 * m), d.input(32 * n), d.input(m * n), d.input(m * n), d.input(m * n, "float32", () => stream.uniform())];
      const [lr, eps] = [d.scalar(0.01), d.scalar(1e-8)];
      const outs = [d.output(m * n), d.output(m * n), d.output(m * n)];
      const space = [m, n];
      const finish = body(
        [over(p, space), over(mom, space), over(v, space), over(lr, space, [0, 0]), over(eps, space, [0, 0])],
        [
          ["number", [], { value: 0.1 }],
          ["lerp", [2, 0, 6]],
          ["square", [0]],
          ["number", [], { value: 0.001 }],
          ["lerp", [3, 8, 9]],
          ["rmsStep", [1, 7, 10, 4, 5]],
        ],
        [
          [over(outs[1]!, space), 7],
          [over(outs[2]!, space), 10],
          [over(outs[0]!, space), 11],
        ],
        1,
      );
      d.stage([{ kind: "matmul", batch: [], m, n, k: 32, a: over(x, [m, 32], [1, m]), b: over(dy, [32, n]), split: "n", finish }]);
      check(d);
      const apart = d.run(nativeEngine(2));
      const inPlace = d.run(nativeEngine(2), [2, 3, 4]);
      close(inPlace[0]!, d.run(loopsEngine(1))[0]!, 2e-5);
      expect(inPlace.length).toBe(apart.length);
    }
  });

  test("reads an input before it is overwritten through an output of the same memory", () => {
    const d = new Draft();
    const n = 2000;
    const [a, b] = [d.input(n), d.input(n)];
    const [p, q] = [d.output(n), d.output(n)];
    const view = (v: number): View => over(v, [n]);
    // p lies over b and is made first; q needs b afterwards.
    d.stage([
      {
        kind: "map",
        dims: [n],
        body: body(
          [view(a), view(b)],
          [
            ["neg", [0]],
            ["exp", [1]],
            ["add", [2, 3]],
            ["mul", [0, 1]],
          ],
          [
            [view(p), 2],
            [view(q), 5],
          ],
        ),
      },
    ]);
    const want = d.run(nativeEngine(1));
    expect(d.run(nativeEngine(2), [1, undefined])).toEqual(want);
  });

  test("takes samples through convolution, pooling and back, chunk by chunk", () => {
    for (const samples of [5, 1])
      for (const chunk of [1, 2, 5]) {
        const d = new Draft();
        const conv = { ...square, samples };
        const pool: Geometry = { ...conv, input: [5, 6], output: [2, 3], window: [2, 2], stride: [2, 2] };
        const [channels, filters] = [3, 20];
        const [x, w, bias] = [d.input(samples * 56 * channels), d.input(9 * channels * filters), d.input(filters)];
        const local = (length: number, dtype: DType = "float32"): number => d.between("local", length * samples, dtype, length * 4 * chunk);
        const [y, top, place, back] = [local(30 * filters), local(6 * filters), local(6 * filters, "uint8"), local(30 * filters)];
        const [dw, db] = [d.between("partial", 9 * channels * filters), d.between("partial", filters)];
        const [out, taken, gradient, sums] = [
          d.output(samples * 6 * filters),
          d.output(samples * 6 * filters),
          d.output(9 * channels * filters),
          d.output(filters),
        ];
        const images = [samples, 5, 6, filters];
        const small = [samples, 2, 3, filters];
        d.stage(
          [
            {
              kind: "conv",
              geometry: conv,
              channels,
              filters,
              groups: 1,
              x,
              w,
              finish: body([over(bias, images, [0, 0, 0, 1])], [["add", [0, 1]]], [[over(y, images), 2]], 1),
            },
            {
              kind: "pool",
              mode: "max",
              geometry: pool,
              channels: filters,
              x: y,
              finish: body(
                [],
                [["relu", [0]]],
                [
                  [over(top, small), 2],
                  [over(place, small), 1],
                  [over(out, small), 2],
                ],
                2,
              ),
            },
            { kind: "unpool", geometry: pool, channels: filters, dy: top, index: place, out: back },
            { kind: "poolTake", geometry: pool, channels: filters, x: y, index: place, out: taken },
            { kind: "convKernel", geometry: conv, channels, filters, groups: 1, x, dy: back, out: dw },
            {
              kind: "reduce",
              op: "sum",
              outer: [],
              fold: [samples, 30],
              inner: filters,
              body: body([over(back, [samples, 30, filters])], [], [[over(-1, [samples, 30, filters]), 0]]),
              finish: identity(db, [filters]),
            },
          ],
          { samples, chunk },
        );
        d.stage([
          {
            kind: "map",
            dims: [9 * channels * filters],
            body: body([over(dw, [9 * channels * filters])], [["neg", [0]]], [[over(gradient, [9 * channels * filters]), 1]]),
          },
        ]);
        d.stage([{ kind: "map", dims: [filters], body: body([over(db, [filters])], [["neg", [0]]], [[over(sums, [filters]), 1]]) }]);
        check(d, 1e-4);
      }
  });

  test("convolves with strides, padding, dilation and groups, also in float64", () => {
    for (const dtype of ["float32", "float64"] as const) {
      const d = new Draft();
      const geometry: Geometry = {
        samples: 3,
        input: [9, 9],
        output: [4, 5],
        window: [3, 2],
        stride: [2, 2],
        dilation: [2, 1],
        inputDilation: [1, 1],
        padding: [1, 1],
      };
      const [x, w] = [d.input(3 * 81 * 4, dtype), d.input(6 * 2 * 6, dtype)];
      const out = d.output(3 * 20 * 6, dtype);
      const space = [3, 4, 5, 6];
      d.stage([{ kind: "conv", geometry, channels: 4, filters: 6, groups: 2, x, w, finish: body([], [], [[over(out, space), 0]], 1, dtype) }]);
      check(d, 1e-5);
    }
  });

  test("gathers and scatters rows, leaving out what is outside, and pads", () => {
    for (const [outer, inner] of [
      [1, 40],
      [3, 5],
      [1, 100],
    ] as const) {
      const d = new Draft();
      const [x, index] = [d.input(outer * 11 * inner), d.input(20, "int32", (i) => ((i * 7) % 13) - 1)];
      const [rows, back] = [d.output(outer * 20 * inner), d.output(outer * 11 * inner)];
      d.stage([{ kind: "gather", outer, size: 11, count: 20, inner, x, index, out: rows }]);
      d.stage([{ kind: "scatterAdd", outer, size: 11, count: 20, inner, x: rows, index, out: back }]);
      const dims = [outer, 11, inner];
      const padded = d.output((outer + 1) * 9 * (inner + 5));
      d.stage([{ kind: "pad", dims, low: [0, -1, 2], high: [1, -1, 3], number: 0.25, x, out: padded }]);
      check(d);
    }
  });

  test("says what is wrong with a program instead of running it", () => {
    const d = new Draft();
    const [a, out] = [d.input(10), d.output(10)];
    const map = (load: View, op: string, args: number[]): Draft =>
      Object.assign(new Draft(), d, { stages: [] }).stage([{ kind: "map", dims: [10], body: body([load], [[op, args]], [[over(out, [10]), 1]]) }]);
    const engine = nativeEngine(2);
    const view = over(a, [10]);
    expect(() => engine.prepare(map(view, "frobnicate", [0]).program())).toThrow("no op called frobnicate");
    expect(() => engine.prepare(map(view, "add", [0]).program())).toThrow("add takes 2 arguments, got 1");
    expect(() => engine.prepare(map({ ...view, offset: 1 }, "neg", [0]).program())).toThrow("reaches outside its value");
    expect(() => engine.prepare(map({ ...view, value: 9 }, "neg", [0]).program())).toThrow("value 9, which does not exist");
    expect(() => engine.prepare(map(view, "neg", [5]).program())).toThrow("an argument comes later than its use");
    const prepared = engine.prepare(map(view, "neg", [0]).program());
    const memory = (n: number, dtype: DType = "float32"): Memory => engine.allocate(dtype, n);
    const none = new Float64Array(0);
    expect(() => prepared.run([memory(9)], [memory(10)], none)).toThrow("input 0 holds 9 numbers; 10 are needed");
    expect(() => prepared.run([memory(10)], [memory(10, "int32")], none)).toThrow("output 0 has the wrong kind of typed array");
    expect(() => prepared.run([memory(10)], [], none)).toThrow("output 0 is missing");
    const input = memory(10);
    prepared.run([input], [memory(10)], none);
    structuredClone(input.host!.buffer, { transfer: [input.host!.buffer as ArrayBuffer] });
    expect(() => prepared.run([input], [memory(10)], none)).toThrow("input 0 holds 0 numbers");
    expect(() => (addon as any).run({})).toThrow("run takes a prepared program");
    expect(() => (addon as any).prepare(new Int32Array(3), none, none)).toThrow("not an encoded program");
    const { words, numbers } = encode(map(view, "neg", [0]).program(), 2);
    for (let n = 0; n < words.length; n++) expect(() => (addon as any).prepare(words.slice(0, n), numbers, none)).toThrow();
    for (let n = 0; n < words.length; n++) {
      const damaged = words.slice();
      damaged[n] = -7;
      try {
        (addon as any).prepare(damaged, numbers, none);
      } catch (error) {
        expect((error as Error).message).not.toBe("");
      }
    }
  });

  test("begins large memory at a multiple of 64 bytes, zeroed", () => {
    for (const dtype of dtypes.slice(0, 5)) {
      const { host, length } = nativeEngine(1).allocate(dtype, 5000);
      expect(length).toBe(5000);
      expect(host!.every((x) => x === 0)).toBe(true);
      expect((addon as any).misalignment(host)).toBe(0);
    }
  });

  test("four worker_threads run at once and get the same bits", async () => {
    const d = new Draft();
    const [x, w] = [d.input(64 * 300), d.input(300 * 128)];
    const [between, out] = [d.between("arena", 64 * 128), d.output(64)];
    d.stage([
      { kind: "matmul", batch: [], m: 64, n: 128, k: 300, a: over(x, [64, 300]), b: over(w, [300, 128]), split: "n", finish: identity(between, [64, 128]) },
    ]);
    d.stage([{ kind: "map", dims: [64, 128], body: body([over(between, [64, 128])], [["sum", [0]]], [[over(out, [64, 128], [1, 0]), 1]]) }]);
    const want = d.run(nativeEngine(2))[0]!;
    const path = process.env.CAMBIUM_ADDON ?? resolve("build", "cambium.node");
    const script = `
      const { parentPort, workerData: { path, words, numbers, data } } = require("node:worker_threads");
      const addon = require(path), none = new Float64Array(0), out = new Float32Array(64);
      const handle = addon.prepare(words, numbers, none);
      data.forEach((array, i) => addon.bind(handle, i, array));
      addon.bind(handle, data.length, out);
      let same = true, first;
      for (let i = 0; i < 400; i++) { addon.run(handle); first ??= out.slice(); same &&= out.every((v, j) => Object.is(v, first[j])); }
      parentPort.postMessage({ out, same });`;
    const workers = Array.from(
      { length: 4 },
      () =>
        new Promise<{ out: Float32Array; same: boolean }>((done, fail) => {
          const worker = new Worker(script, { eval: true, workerData: { path, ...encode(d.program(), 2), data: d.data } });
          worker.once("message", done);
          worker.once("error", fail);
        }),
    );
    for (const { out: got, same } of await Promise.all(workers)) {
      expect(same).toBe(true);
      expect(got).toEqual(want);
    }
  });
});
