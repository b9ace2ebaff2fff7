import { beforeAll, describe, expect, test } from "vitest";
import { nativeEngine } from "../src/engines/native/engine.ts";
import { loadAddon } from "../src/engines/native/load.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { bert } from "../src/models/bert.ts";
import { translator } from "../src/models/translator.ts";
import { vit } from "../src/models/vit.ts";
import * as nn from "../src/nn/index.ts";
import { Adam } from "../src/optim/torch/adam.ts";
import { compile } from "../src/tensor/compile.ts";
import { ones, tensor, zeros } from "../src/tensor/create.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { randint, seed } from "../src/tensor/random.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

beforeAll(() => {
  // Training in a test wants the fast engine, where it is built.
  setEngine(typeof loadAddon() === "string" ? referenceEngine() : nativeEngine());
  seed(0);
});

const count = (module: nn.Module): number => module.parameters().reduce((n, p) => n + p.size, 0);
const close = (a: Tensor, b: Tensor): void => {
  const wanted = b.dataSync();
  a.dataSync().forEach((x, i) => expect(x).toBeCloseTo(wanted[i]!, 4));
};

describe("a bert", () => {
  const small = { vocabSize: 11, context: 8, layers: 2, heads: 2, dModel: 8 };
  test("counts as many parameters as the published one of its size", () => {
    const d = 8;
    const body = (11 + 8 + 2) * d + 2 * d + 2 * (12 * d * d + 13 * d);
    expect(count(bert({ ...small, pooler: false, maskedHead: false }))).toBe(body);
    expect(count(bert({ ...small, maskedHead: false }))).toBe(body + d * d + d);
    expect(count(bert({ ...small, pooler: false }))).toBe(body + d * d + d + 2 * d + 11);
  });
  test("looks both ways, but not at padding", () => {
    const model = bert(small).eval();
    const mask = tensor([[false, false, false, true]]);
    const first = (tokens: number[], options = {}): Tensor => model.forward(tensor([tokens], { dtype: "int32" }), options).slice([0, 0], [1, 1]);
    close(first([1, 2, 3, 4], { keyPaddingMask: mask }), first([1, 2, 3, 9], { keyPaddingMask: mask }));
    const differ = (a: Tensor, b: Tensor): number => Math.max(...a.sub(b).dataSync().map(Math.abs));
    expect(differ(first([1, 2, 3, 4]), first([1, 2, 3, 9]))).toBeGreaterThan(1e-5);
    expect(differ(first([1, 2, 3, 4]), first([1, 2, 3, 4], { segments: ones([1, 4], { dtype: "int32" }) }))).toBeGreaterThan(1e-5);
  });
  test("names hidden tokens and sums up sequences", () => {
    const model = bert(small);
    const features = model.forward(zeros([3, 5], { dtype: "int32" }));
    expect(model.scores(features).shape).toEqual([3, 5, 11]);
    expect(model.pooled(features).shape).toEqual([3, 8]);
  });
  test("says what is wrong", () => {
    const model = bert({ ...small, pooler: false, maskedHead: false });
    expect(() => model.forward(zeros([1, 9], { dtype: "int32" }))).toThrow(/got 9 tokens, the context is 8/);
    expect(() => model.forward(zeros([9], { dtype: "int32" }))).toThrow(/expected \[batch, positions\] of whole numbers, got \[9\]/);
    expect(() => model.pooled(zeros([1, 2, 8]))).toThrow(/made without a pooler/);
    expect(() => model.scores(zeros([1, 2, 8]))).toThrow(/made without the head that names tokens/);
  });
});

describe("a vision transformer", () => {
  test("counts as many parameters as torchvision's and timm's", () => {
    const formula = (d: number, layers: number, patches: number): number =>
      3 * 256 * d + d + d + (patches + 1) * d + layers * (12 * d * d + 13 * d) + 2 * d + 1000 * d + 1000;
    // The published counts of ViT-B/16 and ViT-Ti/16.
    expect(formula(768, 12, 196)).toBe(86_567_656);
    expect(formula(192, 12, 196)).toBe(5_717_416);
    expect(count(vit({ imageSize: 32, dModel: 24, layers: 2, heads: 3 }))).toBe(formula(24, 2, 4));
  });
  test("classifies images, and learns", () => {
    const model = vit({ imageSize: 8, patchSize: 4, channels: 1, classes: 2, dModel: 8, layers: 1, heads: 2 });
    const x = tensor([0, 1, 2, 3].map((n) => [[...Array(8)].map((_, i) => [...Array(8)].map((_, j) => (n % 2 ? i : j) / 8))]));
    const y = tensor([0, 1, 0, 1], { dtype: "int32" });
    const optimizer = new Adam(model.parameters(), { lr: 0.02 });
    let last = 1;
    for (let i = 0; i < 20; i++) {
      const loss = new nn.CrossEntropyLoss().forward(model.forward(x), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      last = loss.item();
    }
    expect(last).toBeLessThan(0.1);
  });
  test("says what is wrong", () => {
    expect(() => vit({ imageSize: 30 })).toThrow(/images of 30 pixels do not divide into patches of 16/);
    expect(() => vit("bass" as "base")).toThrow(/there is no size "bass"[\s\S]*base/);
    const model = vit({ imageSize: 8, patchSize: 4, dModel: 8, layers: 1, heads: 2 });
    expect(() => model.forward(zeros([1, 8, 8, 3]))).toThrow(/expected \[batch, 3, 8, 8\], got \[1, 8, 8, 3\][\s\S]*channels come first/);
  });
});

describe("a translator", () => {
  test("learns to turn sequences around", async () => {
    const [begin, length] = [0, 4];
    const model = translator({ sourceSize: 6, dModel: 16, heads: 2, layers: 1, dimFeedforward: 32, dropout: 0, maxLen: 16 });
    const optimizer = new Adam(model.parameters(), { lr: 0.01 });
    const criterion = new nn.CrossEntropyLoss();
    const step = compile((source: Tensor) => {
      const wanted = source.flip(1);
      const given = wanted.pad([0, 1], [0, 0], begin).slice([0, 0], [source.shape[0]!, length]);
      const loss = criterion.forward(model.forward(source, given).reshape([-1, 6]), wanted.reshape([-1]));
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    let last = 0;
    for (let i = 0; i < 250; i++) last = step(randint([16, length], 1, 6)).item();
    expect(last).toBeLessThan(0.1);
    const turned = await model.translate([[1, 2, 3, 4], [5, 5, 1, 2]], { begin, maxNewTokens: length });
    expect(turned).toEqual([[4, 3, 2, 1], [2, 1, 5, 5]]);
    expect(await model.translate([[1, 2, 3, 4]], { begin, end: 2, maxNewTokens: length })).toEqual([[4, 3]]);
  }, 120_000);
  test("does not look at padding", () => {
    const model = translator({ sourceSize: 6, dModel: 8, heads: 2, layers: 1, dimFeedforward: 8, padding: 0 }).eval();
    const target = tensor([[1, 2]], { dtype: "int32" });
    close(model.forward(tensor([[3, 4, 0, 0]], { dtype: "int32" }), target), model.forward(tensor([[3, 4]], { dtype: "int32" }), target));
  });
  test("counts as many parameters as PyTorch's Transformer and its tables", () => {
    const model = translator({ sourceSize: 10, targetSize: 12, dModel: 64, heads: 8, layers: 2, dimFeedforward: 128 });
    expect(count(model)).toBe(167_680 + 10 * 64 + 12 * 64 + 12 * 64 + 12);
  });
  test("says what is wrong", async () => {
    const model = translator({ sourceSize: 6, dModel: 8, heads: 2, layers: 1, dimFeedforward: 8 });
    await expect(model.translate([], { begin: 0 })).rejects.toThrow(/there is no sequence to translate/);
    expect(() => model.forward(zeros([3], { dtype: "int32" }), zeros([1, 3], { dtype: "int32" }))).toThrow(/Translator: expected \[batch, positions\]/);
  });
});
