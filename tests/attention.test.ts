import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import * as nn from "../src/nn/index.ts";
import { ones, tensor, zeros } from "../src/tensor/create.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { normal, seed } from "../src/tensor/random.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

beforeAll(() => {
  setEngine(referenceEngine());
  seed(0);
});

describe("attention", () => {
  test("drops shares in training only, and keeps their mean", () => {
    const [q, k, v] = [normal([2, 64, 8]), normal([2, 64, 8]), ones([2, 64, 1])];
    const dropped = nn.scaledDotProductAttention(q, k, v, { dropout: 0.5 });
    const sums = [...dropped.dataSync()];
    expect(sums.some((x) => Math.abs(x - 1) > 0.05)).toBe(true);
    expect(sums.reduce((a, b) => a + b, 0) / sums.length).toBeCloseTo(1, 1);
    const heads = new nn.MultiheadAttention(8, 2, { dropout: 0.9, batchFirst: true });
    const [a] = heads.eval().forward(q);
    const [b] = heads.forward(q, q, q, { needWeights: false });
    a.dataSync().forEach((x, i) => expect(x).toBeCloseTo(b.dataSync()[i]!, 5));
  });

  test("gives the same numbers for a causal mask however it is said", () => {
    const x = normal([2, 5, 8]);
    const heads = new nn.MultiheadAttention(8, 2, { batchFirst: true });
    const ahead = tensor([...Array(5)].map((_, i) => [...Array(5)].map((_, j) => j > i)));
    const [said] = heads.forward(x, x, x, { isCausal: true, needWeights: false });
    const [added] = heads.forward(x, x, x, { attnMask: nn.Transformer.generateSquareSubsequentMask(5) });
    const [padded] = heads.forward(x, x, x, { isCausal: true, keyPaddingMask: tensor([0, 1].map(() => [...Array(5)].map(() => false))) });
    const [masked] = heads.forward(x, x, x, { attnMask: ahead });
    for (const other of [added, padded, masked]) other.dataSync().forEach((y, i) => expect(y).toBeCloseTo(said.dataSync()[i]!, 5));
  });

  test("of a padded sequence with nothing to look at is zero, not NaN, and so is its gradient", () => {
    const heads = new nn.MultiheadAttention(4, 2, { batchFirst: true, bias: false });
    const x = normal([1, 3, 4]);
    const [out, shares] = heads.forward(x, x, x, { keyPaddingMask: tensor([[true, true, true]]) });
    out.sum().backward();
    expect([...out.dataSync(), ...shares!.dataSync()].every((y) => y === 0)).toBe(true);
    expect([...heads.inProjWeight!.grad!.dataSync()].every((y) => y === 0)).toBe(true);
  });

  test("counts as many parameters as PyTorch", () => {
    const count = (module: nn.Module): number => module.parameters().reduce((n, p) => n + p.size, 0);
    const options = { dimFeedforward: 128 };
    expect(count(new nn.MultiheadAttention(64, 8))).toBe(16_640);
    expect(count(new nn.TransformerEncoderLayer(64, 8, options))).toBe(33_472);
    expect(count(new nn.TransformerDecoderLayer(64, 8, options))).toBe(50_240);
    expect(count(new nn.Transformer({ dModel: 64, nhead: 8, numEncoderLayers: 2, numDecoderLayers: 2, ...options }))).toBe(167_680);
  });

  test("starts as PyTorch's does: Glorot's spread over the three projections together, biases at 0", () => {
    const heads = new nn.MultiheadAttention(32, 4, { addBiasKv: true });
    const limit = Math.sqrt(6 / (32 + 96));
    const weights = [...heads.inProjWeight!.dataSync()];
    expect(Math.max(...weights.map(Math.abs))).toBeLessThanOrEqual(limit);
    expect(Math.sqrt(weights.reduce((n, w) => n + w * w, 0) / weights.length)).toBeCloseTo(limit / Math.sqrt(3), 2);
    expect([...heads.inProjBias!.dataSync(), ...heads.outProj.bias!.dataSync()].every((b) => b === 0)).toBe(true);
    expect(Math.max(...heads.outProj.weight.dataSync().map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(32));
  });
});

describe("layers of a transformer", () => {
  test("are copies of the one given, each with numbers of its own", () => {
    const encoder = new nn.TransformerEncoder(new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 8 }), 2);
    const [first, second] = encoder.layers.map((layer) => layer.linear1.weight);
    expect([...first!.dataSync()]).toEqual([...second!.dataSync()]);
    first!.assign(zeros([8, 8]));
    expect(second!.dataSync().some((w) => w !== 0)).toBe(true);
    expect(encoder.layers[0]!.toString()).toContain("self_attn");
  });
});

describe("mistakes in attention", () => {
  const x = (...shape: number[]): Tensor => zeros(shape);
  const sdpa = nn.scaledDotProductAttention;
  const heads = new nn.MultiheadAttention(6, 2, { batchFirst: true });
  const mistakes: [string, () => unknown, RegExp][] = [
    ["features that differ", () => sdpa(x(4, 6), x(5, 4), x(5, 4)), /query and key must have as many features \(6 ≠ 4\)/],
    ["a key that is transposed", () => sdpa(x(4, 6), x(6, 5), x(6, 5)), /hint: key looks transposed/],
    ["values for other keys", () => sdpa(x(4, 6), x(5, 6), x(4, 6)), /key and value must have as many positions \(5 ≠ 4\)/],
    ["a vector", () => sdpa(x(6), x(5, 6), x(5, 6)), /query is \[6\]; it needs the axes \[\.\.\., positions, features\]/],
    ["a mask and isCausal", () => sdpa(x(4, 6), x(4, 6), x(4, 6), { mask: ones([4, 4]), isCausal: true }), /got a mask and isCausal/],
    ["whole numbers", () => sdpa(ones([4, 6], { dtype: "int32" }), x(4, 6), x(4, 6)), /queries are int32, keys float32, values float32; all must be floats of one dtype/],
    ["a mask of whole numbers", () => sdpa(x(4, 6), x(4, 6), x(4, 6), { mask: ones([4, 4], { dtype: "int32" }) }), /the mask is int32; it is bool/],
    ["a mask that does not fit", () => sdpa(x(4, 6), x(4, 6), x(4, 6), { mask: ones([2, 4, 4]) }), /the mask is \[2, 4, 4\], the scores are \[4, 4\]/],
    ["a chance above 1", () => sdpa(x(4, 6), x(4, 6), x(4, 6), { dropout: 2 }), /dropout is a chance from 0 to 1, got 2/],
    ["heads that make no groups", () => sdpa(x(3, 4, 6), x(2, 4, 6), x(2, 4, 6), { enableGqa: true }), /must be a multiple of those of keys and values/],
    ["heads that do not divide", () => new nn.MultiheadAttention(6, 4), /embedDim 6 does not divide into 4 heads/],
    ["a chance below 0", () => new nn.MultiheadAttention(6, 2, { dropout: -1 }), /dropout is a chance from 0 to 1, got -1/],
    ["no features", () => new nn.MultiheadAttention(0, 2), /embedDim must be a whole number from 1, got 0/],
    ["features of another size", () => heads.forward(x(1, 4, 5)), /MultiheadAttention\(6, 2 heads\): expected \[\.\.\., 6\], got \[1, 4, 5\]/],
    ["an axis too many", () => heads.forward(x(1, 1, 4, 6)), /expected \[positions, features\] or a batch of such/],
    ["a batch on one side", () => heads.forward(x(1, 4, 6), x(4, 6)), /all or none must have a batch/],
    ["a mask of other sizes", () => heads.forward(x(1, 4, 6), x(1, 4, 6), x(1, 4, 6), { attnMask: ones([4, 5]) }), /attnMask is \[4, 5\]; expected \[queries, keys\] = \[4, 4\]/],
    ["padding of other sizes", () => heads.forward(x(2, 4, 6), x(2, 4, 6), x(2, 4, 6), { keyPaddingMask: ones([4, 2]) }), /keyPaddingMask is \[4, 2\]; expected \[batch, keys\] = \[2, 4\]/],
    ["an unknown activation", () => new nn.TransformerEncoderLayer(8, 2, { activation: "rule" as "relu" }), /there is no activation "rule"[\s\S]*relu/],
    ["no layers", () => new nn.TransformerEncoder(new nn.TransformerEncoderLayer(8, 2), 0), /numLayers must be a whole number from 1, got 0/],
  ];
  test.each(mistakes)("%s", (_, make, message) => expect(make).toThrow(message));
});
