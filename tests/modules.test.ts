/** What stored values cannot say of modules: results in pairs, chance, sizes on demand, mistakes. */
import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import * as nn from "../src/nn/index.ts";
import { compile } from "../src/tensor/compile.ts";
import { ones, tensor, zeros } from "../src/tensor/create.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { normal, seed } from "../src/tensor/random.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

beforeAll(() => setEngine(referenceEngine()));

const numbers = (x: Tensor): number[] => [...x.dataSync()].map(Number);

describe("max pooling says where its maxima were, as PyTorch does", () => {
  const x = (): Tensor => tensor([[[[1, 2, 3, 4], [5, 9, 7, 6], [9, 1, 2, 8], [3, 4, 9, 0]]]], { requiresGrad: true });

  test("tiling windows, and the way back", () => {
    const [y, at] = new nn.MaxPool2d(2, { returnIndices: true }).forward(x());
    expect([numbers(y), numbers(at)]).toEqual([[9, 7, 9, 9], [5, 6, 8, 14]]);
    expect(numbers(new nn.MaxUnpool2d(2).forward(y, at))).toEqual([0, 0, 0, 0, 0, 9, 7, 0, 9, 0, 0, 0, 0, 0, 9, 0]);
  });

  test("overlapping windows with padding", () => {
    const given = x();
    const [y, at] = new nn.MaxPool2d(3, { stride: 2, padding: 1, returnIndices: true }).forward(given);
    expect([numbers(y), numbers(at)]).toEqual([[9, 9, 9, 9], [5, 5, 5, 5]]);
    y.sum().backward();
    expect(numbers(given.grad!)[5]).toBe(4);
  });

  test("a place that several windows name gets its number once, and each of them its gradient", () => {
    const row = tensor([[[0, 1, 2, 3, 20, 5, 6, 7, 8, 9]]]);
    const [y, at] = new nn.MaxPool1d(3, { stride: 1, returnIndices: true }).forward(row);
    expect(numbers(at)).toEqual([2, 3, 4, 4, 4, 7, 8, 9]);
    const maxima = tensor([[numbers(y)]], { requiresGrad: true });
    const back = new nn.MaxUnpool1d(3, { stride: 1 }).forward(maxima, at);
    expect(numbers(back)).toEqual([0, 0, 2, 3, 20, 0, 0, 7, 8, 9]);
    back.sum().backward();
    expect(numbers(maxima.grad!)).toEqual(new Array(8).fill(1));
  });
});

describe("transposed convolution", () => {
  test("reaches the size that is asked for", () => {
    const up = new nn.ConvTranspose2d(1, 1, 3, { stride: 2, padding: 1, bias: false });
    nn.init.ones(up.weight);
    expect(up.forward(ones([1, 1, 2, 2])).shape).toEqual([1, 1, 3, 3]);
    expect(numbers(up.forward(ones([1, 1, 2, 2]), [4, 4]))).toEqual([1, 2, 1, 1, 2, 4, 2, 2, 1, 2, 1, 1, 1, 2, 1, 1]);
  });

  test("starts as PyTorch's does: within ±1/√(filters / groups · kernel)", () => {
    seed(1);
    const { weight } = new nn.ConvTranspose2d(8, 6, 3, { groups: 2 });
    const largest = Math.max(...numbers(weight).map(Math.abs));
    expect(weight.shape).toEqual([8, 3, 3, 3]);
    expect(largest).toBeLessThanOrEqual(1 / Math.sqrt(27));
    expect(largest).toBeGreaterThan(0.97 / Math.sqrt(27));
  });
});

describe("chance", () => {
  test("AlphaDropout keeps mean 0 and variance 1", () => {
    seed(3);
    const y = numbers(new nn.AlphaDropout(0.3).forward(normal([200, 500])));
    const mean = y.reduce((a, b) => a + b, 0) / y.length;
    expect(Math.abs(mean)).toBeLessThan(0.015);
    expect(Math.abs(y.reduce((s, v) => s + (v - mean) ** 2, 0) / y.length - 1)).toBeLessThan(0.02);
  });

  test("FeatureAlphaDropout and Dropout3d decide for whole channels", () => {
    seed(4);
    for (const module of [new nn.FeatureAlphaDropout(0.5), new nn.Dropout3d(0.5)]) {
      const y = numbers(module.forward(ones([4, 5, 2, 2, 2])));
      const channels = Array.from({ length: 20 }, (_, i) => new Set(y.slice(8 * i, 8 * i + 8)));
      expect(channels.every((values) => values.size === 1)).toBe(true);
      expect(new Set(channels.map((values) => [...values][0])).size).toBe(2);
    }
  });

  test("RReLU draws slopes between lower and upper", () => {
    seed(5);
    const slopes = numbers(new nn.RReLU({ lower: 0.2, upper: 0.4 }).forward(ones([1000]).neg())).map((v) => -v);
    expect(Math.min(...slopes)).toBeGreaterThanOrEqual(0.2);
    expect(Math.max(...slopes)).toBeLessThan(0.4);
    expect(slopes.reduce((a, b) => a + b, 0) / 1000).toBeCloseTo(0.3, 2);
  });
});

describe("embeddings", () => {
  test("maxNorm shortens rows where they are kept, and only those that are looked up", () => {
    const table = new nn.Embedding(3, 2, { maxNorm: 1 });
    table.weight.assign(tensor([[3, 4], [0.3, 0.4], [6, 8]]));
    const read = compile((index: Tensor) => table.forward(index));
    expect(() => table.forward(tensor([0, 3], { dtype: "int32" }))).toThrow("3 is not one of the 3 rows");
    expect(numbers(read(tensor([0, 1], { dtype: "int32" })))).toEqual([0.6, 0.8, 0.3, 0.4].map((v) => expect.closeTo(v, 6)));
    const [a, b, ...others] = numbers(table.weight);
    expect([a, b]).toEqual([expect.closeTo(0.6, 6), expect.closeTo(0.8, 6)]);
    expect(others).toEqual([0.3, 0.4, 6, 8].map(Math.fround));
  });
});

describe("embedding bags", () => {
  test("rows are weighted, and an empty bag is zeros", () => {
    const bag = new nn.EmbeddingBag(3, 2, { mode: "sum" });
    bag.weight.assign(tensor([[1, 2], [3, 4], [5, 6]]));
    expect(numbers(bag.forward(tensor([0, 2, 1], { dtype: "int32" }), tensor([0, 0, 2], { dtype: "int32" }), tensor([1, 2, 10])))).toEqual([0, 0, 11, 14, 30, 40]);
  });
});

describe("mistakes name the module and what would be right", () => {
  const x = (...shape: number[]): Tensor => zeros(shape);
  test.each<[string, () => unknown, string]>([
    ["mirroring too little", () => new nn.ReflectionPad1d(3).forward(x(1, 1, 3)), "ReflectionPad1d(3, 3): reflect padding by 3 needs more than axis 2 of [1, 1, 3] has; at most 2"],
    ["padding of another length", () => new nn.ZeroPad2d([1, 2]), "ZeroPad2d: padding must be a whole number or 4 of them, got [1,2]"],
    ["an unknown padding mode", () => new nn.Conv1d(1, 1, 1, { paddingMode: "mirror" as never }), 'there is no paddingMode "mirror"'],
    ["output padding as wide as the stride", () => new nn.ConvTranspose1d(1, 1, 3, { outputPadding: 1 }), "outputPadding 1 must be below the stride 1 or the dilation 1"],
    ["a size that cannot be", () => new nn.ConvTranspose1d(1, 1, 3, { stride: 2 }).forward(x(1, 1, 2), [9]), "outputSize [9] is out of reach: along spatial axis 0 it can be 5 to 6"],
    ["channels that make no pixels", () => new nn.PixelShuffle(2).forward(x(1, 3, 2, 2)), "PixelShuffle(2): 3 channels of [1, 3, 2, 2] cannot be split into parts of 4"],
    ["rows that make no blocks", () => new nn.PixelUnshuffle(2).forward(x(1, 3, 3, 2)), "PixelUnshuffle(2): 3 rows of [1, 3, 3, 2] cannot be split into parts of 2"],
    ["channels that cannot be dealt out", () => new nn.ChannelShuffle(4).forward(x(1, 6, 2)), "ChannelShuffle(4): expected [batch, a multiple of 4 channels, ...], got [1, 6, 2]"],
    ["columns of another number", () => new nn.Fold(3, 2).forward(x(1, 4, 3)), "Fold: expected [batch, a multiple of 4, 4 windows], got [1, 4, 3]"],
    ["a vector to unfold", () => new nn.Unfold(2).forward(x(4)), "Unfold: expected [batch, channels, height, width] or the same without batch, got [4]"],
    ["one place a channel", () => new nn.InstanceNorm1d(2).forward(x(3, 2, 1)), "InstanceNorm1d(2): one number a channel has no spread (the input is [3, 2, 1])"],
    ["a matrix for local response", () => new nn.LocalResponseNorm(2).forward(x(3, 2)), "LocalResponseNorm(2): expected [batch, channels, ...space], got [3, 2]"],
    ["inputs of two shapes", () => new nn.Bilinear(2, 2, 1).forward(x(3, 2), x(4, 2)), "the inputs are [3, 2] and [4, 2]; all sizes but the last must be equal"],
    ["bags without offsets", () => new nn.EmbeddingBag(3, 2).forward(x(3)), "expected [bags, length], or [numbers] with offsets; got [3] without offsets"],
    ["an unknown way to fold a bag", () => new nn.EmbeddingBag(3, 2, { mode: "summ" as never }), 'there is no mode "summ"\n  hint: did you mean "sum"?'],
    ["rows of no length", () => new nn.Embedding(3, 2, { maxNorm: 0 }), "maxNorm is 0; it is a number above 0"],
    ["weights for a mean", () => new nn.EmbeddingBag(3, 2).forward(x(1, 3), undefined, x(1, 3)), 'perSampleWeights go with mode "sum", not "mean"'],
    ["slopes the wrong way round", () => new nn.RReLU({ lower: 1, upper: 0 }), "lower 1 is above upper 0"],
    ["a vector of images", () => new nn.Softmax2d().forward(x(3, 2)), "Softmax2d: expected [batch, channels, height, width] or the same without batch, got [3, 2]"],
    ["indices of another shape", () => new nn.MaxUnpool1d(2).forward(x(1, 1, 3), x(1, 1, 2)), "expected maxima and indices of one shape [batch, channels, ...space], got [1, 1, 3] and [1, 1, 2]"],
    ["a norm of no power", () => new nn.LPPool1d(0, 2), "normType must be above 0, got 0"],
  ])("%s", (_, mistake, message) => expect(mistake).toThrow(message));
});
