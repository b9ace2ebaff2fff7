/** The ops by family against NumPy, SciPy and PyTorch on every engine, at sizes where only fast ways end, and with mistakes. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { nativeEngine } from "../src/engines/native/engine.ts";
import { loadAddon } from "../src/engines/native/load.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import * as front from "../src/index.ts";
import { type Tensor, fft, normal, seed, tensor } from "../src/index.ts";
import { isOp } from "../src/graph/op.ts";
import * as table from "../src/ops/table.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { Tensor as TensorClass } from "../src/tensor/tensor.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";
import { threadedEngine } from "./threads.ts";

interface Case {
  readonly name: string;
  readonly op: string;
  readonly function: "" | "front" | "fft";
  readonly inputs: Stored[];
  readonly args: unknown[];
  readonly results: Stored[];
}

const engines = [referenceEngine(), threadedEngine(2), ...(typeof loadAddon() === "string" ? [] : [nativeEngine(2)])];
const numbers = (x: Tensor): number[] => [...x.dataSync()];
type Call = (...args: unknown[]) => Tensor | Record<string, Tensor>;

function called({ op, function: where, inputs, args }: Case): Tensor[] {
  const given = inputs.map((stored) => restore(stored));
  const room: Record<string, unknown> = where === "front" ? { ...front } : where === "fft" ? { ...fft } : {};
  const got = where === "" ? ((given[0] as unknown as Record<string, Call>)[op]!)(...given.slice(1), ...args) : (room[op] as Call)(...given, ...args);
  return got instanceof TensorClass ? [got] : Object.values(got);
}

for (const engine of engines)
  describe(`on ${engine.name}`, () => {
    beforeAll(() => setEngine(engine));

    for (const stored of casesOf<Case>("numpy/ops"))
      test(`${stored.name} ${JSON.stringify(stored.args)} gives NumPy's, SciPy's or PyTorch's numbers`, () => {
        const got = called(stored);
        expect(got.length).toBe(stored.results.length);
        // Edges of histograms are float32.
        got.forEach((x, i) => expectClose(x, stored.results[i]!, stored.name, stored.op === "histogram" ? 1e-6 : 1e-9));
      });
  });

for (const engine of engines.slice(1))
  describe(`long axes on ${engine.name}`, () => {
    beforeAll(() => setEngine(engine));
    const count = 300_000;
    const steps = (): Tensor => {
      seed(4);
      return normal([count]);
    };

    test("sort stably, and the gradient of a sort goes back in one pass", () => {
      const x = steps();
      x.requiresGrad = true;
      const sorted = x.sort();
      sorted.mul(front.arange(count).to("float32").mul(1 / count)).sum().backward();
      const [values, order, slope] = [sorted.dataSync(), x.argSort().dataSync(), x.grad!.dataSync()];
      for (let i = 1; i < count; i++) expect(values[i]! >= values[i - 1]!).toBe(true);
      for (let i = 0; i < count; i += 997) expect(slope[order[i]!]).toBeCloseTo(i / count, 5);
      const few = x.mul(2).round().argSort().dataSync();
      const key = x.mul(2).round().dataSync();
      for (let i = 1; i < count; i++) expect(key[few[i]!]! > key[few[i - 1]!]! || few[i]! > few[i - 1]!).toBe(true);
    });

    test("keep running totals in double precision", () => {
      const total = tensor([0.1]).broadcast([count]).cumSum().dataSync();
      expect(Math.abs(total[count - 1]! / (Math.fround(0.1) * count) - 1)).toBeLessThan(1e-7);
      expect(numbers(tensor([[3, 1, 2]]).broadcast([70, 3]).cumMax(0))[209]).toBe(2);
    });

    test("transform there and back, of a prime length too", () => {
      // WebAssembly's engine sums up in plain loops, which takes the square of the length.
      for (const n of engine.name === "native" ? [2 ** 15, 10007, 3 * 5 * 7 * 11 * 13] : [512, 211, 3 * 5 * 7]) {
        const x = normal([n, 2]);
        const back = fft.ifft(fft.fft(x));
        expect(back.sub(x).abs().max().item()).toBeLessThan(1e-6);
      }
      const columns = normal([30, 100, 2]);
      const apart = fft.fft(columns, { axis: 0 }).sub(fft.fft(columns.permute([1, 0, 2])).permute([1, 0, 2]));
      expect(apart.abs().max().item()).toBeLessThan(1e-5);
    });
  });

describe("functions of several tensors", () => {
  beforeAll(() => setEngine(engines.at(-1)!));

  test("find the largest, the k-th, and pieces", () => {
    const x = tensor([[3, 1, 2], [5, 9, 7]]);
    expect(numbers(front.topK(x, 2).values)).toEqual([3, 2, 9, 7]);
    expect(numbers(front.topK(x, 1, 1, { largest: false }).indices)).toEqual([1, 0]);
    expect(numbers(front.kthValue(x, 2).values)).toEqual([2, 7]);
    expect(front.chunk(front.arange(7), 3).map((part) => part.size)).toEqual([3, 3, 1]);
    expect(front.unbind(x, 1).map(numbers)).toEqual([[3, 5], [1, 9], [2, 7]]);
    expect(front.meshgrid([tensor([1, 2, 3]), tensor([4, 5])]).map((t) => [t.shape, numbers(t)])).toEqual([[[2, 3], [1, 2, 3, 1, 2, 3]], [[2, 3], [4, 4, 4, 5, 5, 5]]]);
    expect(front.meshgrid([tensor([1, 2, 3]), tensor([4, 5])], { indexing: "ij" })[1]!.shape).toEqual([3, 2]);
    expect(numbers(front.where(x.greater(2), x, 0))).toEqual([3, 0, 0, 5, 9, 7]);
    expect(numbers(front.einsum("ij,ij->i", x, x))).toEqual([14, 155]);
  });

  test("scatter: the last of several stays, those outside are left out, and the input is as it was", () => {
    const x = front.zeros([4]);
    expect(numbers(x.scatter(tensor([1, 1, 9], { dtype: "int32" }), tensor([5, 6, 7])))).toEqual([0, 6, 0, 0]);
    expect(numbers(front.zeros([2, 2]).scatterNd(tensor([[1, 0], [0, 1]], { dtype: "int32" }), tensor([3, 4])))).toEqual([0, 4, 3, 0]);
    expect(numbers(x)).toEqual([0, 0, 0, 0]);
  });

  test("windows and mel filters are PyTorch's", () => {
    expect(numbers(fft.hann(4))).toEqual([0, 0.5, 1, 0.5]);
    expect(numbers(fft.hamming(3, { symmetric: true })).map((v) => Math.round(v * 1e4) / 1e4)).toEqual([0.08, 1, 0.08]);
    expect(fft.blackman(2).sub(tensor([0, 1])).abs().max().item()).toBeLessThan(1e-6);
    const filters = fft.melFilters(4, 16, 8000);
    expect(filters.shape).toEqual([9, 4]);
    expect(filters.max(0).dataSync().every((v) => v > 0.4 && v <= 1)).toBe(true);
  });

  test("say what is wrong", () => {
    const x = tensor([[1, 2], [3, 4]]);
    const at = tensor([0], { dtype: "int32" });
    const mistakes: [() => unknown, string][] = [
      [() => x.cumMax(0, { exclusive: true } as object), "there is no exclusive form"],
      [() => x.diff(-1), "differences are taken a whole number of times, got -1"],
      [() => x.scatter(at, tensor([1, 2, 3])), "updates are [3], which does not broadcast to the [1, 2] places they go to"],
      [() => x.scatter(at, 1, 0, "times" as "add"), 'there is no mode "times"; it is "set", "add", "mul", "mean", "max" or "min"'],
      [() => x.scatter(tensor([0]), 1), "places are whole numbers"],
      [() => x.scatterAlong(at, 1), "all sizes but that of axis 1 must be equal"],
      [() => x.gatherNd(tensor([[0, 0, 0]], { dtype: "int32" })), "one place for each of the first axes of x, 1 to 2"],
      [() => x.take(at, 0, "raise" as "clip"), 'there is no mode "raise"; it is "fill", "clip" or "wrap"'],
      [() => x.roll([1, 2], 0), "give one whole number for each axis"],
      [() => x.padBorder([2, 0], [0, 0]), 'axis 0 of [2, 2] cannot give 2 more numbers by "reflect"; it gives whole numbers from 0 to 1'],
      [() => x.padBorder([1], [1]), "[2, 2] needs 2 of each"],
      [() => x.padBorder([1, 1], [1, 1], "mirror" as "wrap"), 'there is no border "mirror"'],
      [() => x.diagonal(0, 1, -1), "a diagonal needs two axes, got axis 1 twice"],
      [() => tensor(1).diag(), "a scalar has no axis to become a diagonal"],
      [() => x.slidingWindow(3), "the window has 3 places, axis -1 of [2, 2] has 2"],
      [() => x.slidingWindow(1, 0), "a step of 0 is not possible"],
      [() => x.quantile(50), "in per cent? then 0.5"],
      [() => x.quantile(0.5, 0, { method: "middle" as "linear" }), 'there is no method "middle"'],
      [() => front.zeros([0]).median(), "has no numbers along [0] to choose from"],
      [() => front.bincount(at, -1), "length is how many whole numbers are counted"],
      [() => front.histogram(x, { bins: 0 }), "bins is a whole number from 1, got 0"],
      [() => x.cdist(tensor([[1, 2, 3]])), "both are rows [..., count, size] of one size"],
      [() => x.cdist(x, -1), "norms have a p from 0 to Infinity"],
      [() => tensor([1]).cov(), "a row for each variable and a column for each observation"],
      [() => x.cross(x), "the last axis of both has three numbers"],
      [() => front.searchSorted(x, tensor([1, 2, 3])), "sorted must be one line, or a line for each line of numbers"],
      [() => front.searchSorted(x, x, { side: "middle" as "left" }), 'there is no side "middle"'],
      [() => front.topK(x, 3), "k must be a whole number from 1 to 2"],
      [() => front.meshgrid([x]), "all are vectors"],
      [() => front.chunk(x, 0), "count is a whole number from 1, got 0"],
      [() => fft.fft(tensor([1, 2, 3])), "complex numbers have a last axis of size 2"],
      [() => fft.real(tensor([1, 2, 3])), "complex numbers have a last axis of size 2"],
      [() => fft.rfft(tensor([1, 2, 3]), { n: 0 }), "n is a whole number from 1, got 0"],
      [() => fft.rfft(tensor([1, 2, 3]), { norm: "half" as "ortho" }), 'there is no norm "half"'],
      [() => fft.irfft(x, { n: 0.5 }), "n is a whole number from 1, got 0.5"],
      [() => x.resize([0], { axes: [0] }), "sizes are whole numbers from 1, got 0"],
      [() => x.resize([4], { axes: [0], method: "bilinear" as "linear" }), '"linear" does it over all axes given'],
      [() => x.resize([4], { axes: [0], alignCorners: true }), 'alignCorners has no meaning for "nearest"'],
      [() => front.gridSample(x, x), "they are [batch, height, width, channels] and [batch, ...points, 2]"],
      [() => front.affineGrid(x, [2, 2]), "[batch, 2, 3]"],
      [() => x.cosineSimilarity(x, 4), "axis 4 does not exist: the tensors have 2 axes"],
    ];
    for (const [make, said] of mistakes) expect(make).toThrow(said);
  });
});

describe("docs/guide/ops.md", () => {
  const page = readFileSync("docs/guide/ops.md", "utf8");

  test("names every op that is a tensor method, and every function of the front door that stands beside them", () => {
    const methods = Object.entries<unknown>(table).flatMap(([name, op]) => (isOp(op) && op.method !== false && !op.variadic && op.inputs.length > 0 ? [name] : []));
    const missing = methods.filter((name) => !page.includes(`\`${name}\``));
    expect(missing).toEqual([]);
  });
});
