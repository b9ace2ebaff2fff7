/** NumPy's functions that put arrays together and go along them, folds that leave NaN out, reductions into places, transforms over several axes. */
import { beforeAll, describe, expect, test } from "vitest";
import { nativeEngine } from "../src/engines/native/engine.ts";
import { loadAddon } from "../src/engines/native/load.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import * as front from "../src/index.ts";
import { nn, normal, seed, Tensor, tensor } from "../src/index.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

interface Case {
  readonly name: string;
  readonly function: string;
  readonly where: "" | "linalg" | "fft" | "method";
  readonly args: unknown[];
  readonly results: Stored[];
}

type Call = (...args: unknown[]) => Tensor | Tensor[];

/** Stored tensors as ours, in lists and options too. */
function given(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(given);
  if ("data" in value && "shape" in value) return restore(value as Stored);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, given(one)]));
}

for (const engine of [referenceEngine(), ...(typeof loadAddon() === "string" ? [] : [nativeEngine(2)])])
  describe(`on ${engine.name}`, () => {
    beforeAll(() => setEngine(engine));
    for (const c of casesOf<Case>("numpy/arrays"))
      test(`${c.name} gives NumPy's, SciPy's or PyTorch's numbers`, () => {
        const args = c.args.map(given);
        const room = (c.where === "" ? front : c.where === "method" ? args[0] : front[c.where]) as Record<string, Call>;
        const got = c.where === "method" ? room[c.function]!(...args.slice(1)) : room[c.function]!(...args);
        const list = got instanceof Tensor ? [got] : got;
        expect(list.length).toBe(c.results.length);
        list.forEach((x, i) => expectClose(x, c.results[i]!, c.name, 1e-8));
      });
  });

describe("made without numbers to compare", () => {
  beforeAll(() => setEngine(referenceEngine()));
  const list = (x: Tensor): number[] => [...x.dataSync()].map((v) => Math.round(v * 1e4) / 1e4);

  test("evenly spaced in the logarithm, or like another", () => {
    expect(list(front.logspace(0, 2, 3))).toEqual([1, 10, 100]);
    expect(list(front.geomspace(1, 8, 4))).toEqual([1, 2, 4, 8]);
    expect(list(front.geomspace(-1, -4, 3))).toEqual([-1, -2, -4]);
    expect(front.fullLike(tensor([1, 2], { dtype: "int32" }), 7).dtype).toBe("int32");
    expect(front.atLeast(tensor(3), 2).shape).toEqual([1, 1]);
  });

  test.each<[string, (x: Tensor) => Tensor]>([
    ["interp", (x) => front.interp(x, tensor([-2, 0, 3]), tensor([1, -1, 2])).sum()],
    ["convolve", (x) => front.convolve(x, tensor([1, -2, 0.5])).square().sum()],
    ["tensordot", (x) => front.tensordot(x, x, 1).sum()],
    ["unwrap", (x) => front.unwrap(x.mul(4)).square().sum()],
    ["trapezoid", (x) => front.trapezoid(x.square(), { x })],
    ["renorm", (x) => front.renorm(x.reshape([2, 3]), 2, 0, 0.5).sum()],
    ["nanStd", (x) => x.nanStd()],
  ])("%s has the gradient its slopes show", (_, f) => {
    seed(5);
    const { ok, message } = front.gradCheck(f, [normal([6])]);
    expect(ok, message).toBe(true);
  });

  test("a normalisation is taken into what stands before it", () => {
    seed(4);
    for (const [layer, norm, x] of [
      [new nn.Conv2d(2, 3, 3, { bias: false }), new nn.BatchNorm2d(3), normal([4, 2, 5, 5])],
      [new nn.Linear(4, 3), new nn.BatchNorm1d(3, { affine: false }), normal([5, 4])],
    ] as const) {
      for (let i = 0; i < 3; i++) norm.forward(layer.forward(x.mul(i + 1)));
      layer.eval();
      norm.eval();
      const fused = layer instanceof nn.Linear ? nn.utils.fuseLinearBnEval(layer, norm as nn.BatchNorm1d) : nn.utils.fuseConvBnEval(layer, norm as nn.BatchNorm2d);
      expect(fused.forward(x).sub(norm.forward(layer.forward(x))).abs().max().item()).toBeLessThan(1e-5);
      expect(fused.bias).toBeDefined();
    }
    expect(() => nn.utils.fuseLinearBnEval(new nn.Linear(1, 1), new nn.BatchNorm1d(1))).toThrow("in training the batch's own statistics count");
    expect(() => nn.utils.fuseLinearBnEval(new nn.Linear(1, 1).eval(), new nn.BatchNorm1d(1, { trackRunningStats: false }).eval())).toThrow("the normalisation keeps no running statistics");
  });

  test.each<[string, () => unknown]>([
    ["geomspace: from -1 to 2 no factor leads", () => front.geomspace(-1, 2, 3)],
    ["tensorSplit: pieces is a whole number from 1, got 0", () => front.tensorSplit(tensor([1]), 0)],
    ["rot90: a plane needs two axes, got axis 1 twice", () => front.rot90(tensor([[1]]), 1, [1, -1])],
    ["blockDiag: a block is [1, 1, 1]; blocks are matrices", () => front.blockDiag(front.zeros([1, 1, 1]))],
    ["combinations: the input is [1, 1]; numbers are chosen from a vector", () => front.combinations(tensor([[1]]))],
    ["tensordot: the axes to sum over are [2] of [2] and [3] of [3]; they must be equal", () => front.tensordot(front.zeros([2]), front.zeros([3]), 1)],
    ["gradient: axis 0 of [1] has too few numbers for a slope; it needs 2", () => front.gradient(tensor([1]))],
    ["interp: the points are [2] and [3]; both are vectors of one length from 1", () => front.interp(tensor([1]), front.zeros([2]), front.zeros([3]))],
    ["convolve: the inputs are [0] and [1]; both are vectors that hold numbers", () => front.convolve(front.zeros([0]), tensor([1]))],
    ['convolve: there is no mode "all"; it is "full", "same" or "valid"', () => front.convolve(tensor([1]), tensor([1]), { mode: "all" as "full" })],
    ["polyval: coefficients are [1, 1]; they are a vector", () => front.polyval(tensor([[1]]), tensor(1))],
    ["polyfit: degree is 2; for 2 points it is a whole number from 0 to 1", () => front.polyfit(front.zeros([2]), front.zeros([2]), 2)],
    ["fft.fftn: 1 sizes are given for 2 axes; give one for each", () => front.fft.fftn(front.zeros([2, 2, 2]), { s: [2], axes: [0, 1] })],
    ["linalg.multiDot: a product needs two matrices, got 1", () => front.linalg.multiDot([front.zeros([1, 1])])],
    ["linalg.multiDot: matrix 1 is [3, 1]; matrices [m, n] follow each other", () => front.linalg.multiDot([front.zeros([1, 2]), front.zeros([3, 1])])],
    ["linalg.tensorsolve: a is [2, 2], b is [3]", () => front.linalg.tensorsolve(front.zeros([2, 2]), front.zeros([3]))],
    ["linalg.tensorinv: a is [2, 3]; its first 1 axes hold as many numbers as the others", () => front.linalg.tensorinv(front.zeros([2, 3]), 1)],
  ])("%s", (message, f) => expect(f).toThrow(message));
});
