import { beforeAll, describe, expect, test } from "vitest";
import { Stream } from "../src/base/random.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { choose } from "../src/models/choosing.ts";
import { gpt } from "../src/models/gpt.ts";
import * as nn from "../src/nn/index.ts";
import { Adam } from "../src/optim/torch/adam.ts";
import { tensor, zeros } from "../src/tensor/create.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { normal, seed } from "../src/tensor/random.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

beforeAll(() => {
  setEngine(referenceEngine());
  seed(0);
});

const close = (a: Tensor, b: Tensor): void => {
  expect(a.shape).toEqual(b.shape);
  const wanted = b.dataSync();
  a.dataSync().forEach((x, i) => expect(x).toBeCloseTo(wanted[i]!, 5));
};

describe("a cache of keys and values", () => {
  const attention = (): nn.MultiheadAttention => new nn.MultiheadAttention(8, 2, { batchFirst: true });
  const cases: [string, nn.KeyValueCacheOptions][] = [["growing", {}], ["of fixed length", { capacity: 9 }]];

  test.each(cases)("%s gives the numbers of the whole sequence, piece by piece", (_, options) => {
    const heads = attention();
    const x = normal([2, 7, 8]);
    const [whole] = heads.forward(x, x, x, { isCausal: true, needWeights: false });
    const cache = new nn.KeyValueCache(options);
    const pieces = [[0, 4], [4, 5], [5, 7]] as const;
    for (const round of [0, 1]) {
      for (const [from, to] of pieces) {
        const piece = x.slice([0, from], [2, to]);
        close(heads.forward(piece, piece, piece, { cache, needWeights: false })[0], whole.slice([0, from], [2, to]));
        expect(cache.length, `round ${round}`).toBe(to);
      }
      cache.clear();
      expect(cache.length).toBe(0);
    }
  });

  test("takes another batch after it was cleared", () => {
    const heads = attention();
    const cache = new nn.KeyValueCache({ capacity: 4 });
    for (const batch of [2, 3]) {
      const x = normal([batch, 2, 8]);
      expect(heads.forward(x, x, x, { cache })[0].shape).toEqual([batch, 2, 8]);
      cache.clear();
    }
  });

  test("says what is wrong", () => {
    const heads = attention();
    const x = zeros([1, 3, 8]);
    const cache = new nn.KeyValueCache({ capacity: 4 });
    heads.forward(x, x, x, { cache });
    expect(() => heads.forward(x, x, x, { cache })).toThrow(/there is room for 4 positions, 3 are taken, 3 more came[\s\S]*clear\(\)/);
    const growing = new nn.KeyValueCache();
    heads.forward(x, x, x, { cache: growing });
    const y = zeros([2, 3, 8]);
    expect(() => heads.forward(y, y, y, { cache: growing })).toThrow(/keys held are \[1, 2, 3, 4\], those that came are \[2, 2, 3, 4\]/);
    expect(() => heads.forward(x, x, x, { cache: growing, attnMask: zeros([3, 3]) })).toThrow(/a cache goes with no masks/);
    expect(() => new nn.KeyValueCache({ capacity: 0 })).toThrow(/capacity must be a whole number from 1, got 0/);
  });
});

describe("choosing by scores", () => {
  const scores = Float32Array.of(1, 3, 2, -Infinity);
  const drawn = (options: object): number[] => {
    const stream = new Stream(1);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 3000; i++) counts[choose("test", scores, options, stream)]!++;
    return counts.map((n) => n / 3000);
  };
  test("follows the chances of softmax", () => {
    const weights = [...scores].map(Math.exp);
    const total = weights.reduce((a, b) => a + b);
    drawn({}).forEach((share, i) => expect(share).toBeCloseTo(weights[i]! / total, 1));
  });
  test("takes only the likeliest where told so", () => {
    expect(drawn({ temperature: 0 })).toEqual([0, 1, 0, 0]);
    expect(drawn({ topK: 1 })).toEqual([0, 1, 0, 0]);
    expect(drawn({ topK: 2 })[0]).toBe(0);
    expect(drawn({ topP: 0.6 })).toEqual([0, 1, 0, 0]);
    expect(drawn({ topP: 0.7 })[2]).toBeGreaterThan(0.2);
    expect(drawn({ temperature: 0.1 })[1]).toBeGreaterThan(0.99);
  });
  test("says what is wrong", () => {
    const stream = new Stream(1);
    expect(() => choose("test", scores, { temperature: -1 }, stream)).toThrow(/temperature is a number from 0, got -1/);
    expect(() => choose("test", scores, { topK: 0 }, stream)).toThrow(/topK is a whole number from 1, got 0/);
    expect(() => choose("test", scores, { topP: 1.5 }, stream)).toThrow(/topP is a chance above 0, up to 1; got 1.5/);
    expect(() => choose("test", [Number.NaN] as unknown as Float32Array, {}, stream)).toThrow(/the scores are NaN/);
  });
});

describe("a gpt", () => {
  const model = gpt({ vocabSize: 7, context: 6, layers: 2, heads: 2, dModel: 8 });

  test("counts as many parameters as GPT-2 of its size", () => {
    const count = (m: nn.Module): number => m.parameters().reduce((n, p) => n + p.size, 0);
    const d = 8;
    const layer = 12 * d * d + 13 * d;
    expect(count(model)).toBe(7 * d + 6 * d + 2 * layer + 2 * d);
    expect(count(gpt({ vocabSize: 7, context: 6, layers: 1, heads: 2, dModel: d, tied: false }))).toBe(2 * 7 * d + 6 * d + layer + 2 * d);
  });

  test("does not see the future", () => {
    model.eval();
    const a = model.forward(tensor([[1, 2, 3, 4]], { dtype: "int32" })).slice([0, 0], [1, 2]);
    const b = model.forward(tensor([[1, 2, 6, 0]], { dtype: "int32" })).slice([0, 0], [1, 2]);
    close(a, b);
  });

  test("generates with a cache what it would without, also beyond its context", async () => {
    for (const parameter of model.parameters()) parameter.assign(parameter.mul(8).detach());
    model.train();
    const tokens = await model.generate([3, 1], { maxNewTokens: 9, temperature: 0 });
    expect(model.training).toBe(true);
    model.eval();
    const plain = [3, 1];
    while (plain.length < 11) {
      const scores = model.forward(tensor([plain.slice(-6)], { dtype: "int32" }));
      const last = scores.slice([0, scores.shape[1]! - 1], [1, scores.shape[1]!]).dataSync();
      plain.push(last.indexOf(Math.max(...last)));
    }
    expect(tokens).toEqual(plain);
    const again = await model.generate([3, 1], { maxNewTokens: 9, seed: 5 });
    expect(again).toEqual(await model.generate([3, 1], { maxNewTokens: 9, seed: 5 }));
    expect(again).toHaveLength(11);
  });

  test("learns a sequence by heart", () => {
    const small = gpt({ vocabSize: 5, context: 8, layers: 1, heads: 2, dModel: 16, dropout: 0 });
    const optimizer = new Adam(small.parameters(), { lr: 0.02 });
    const letters = [0, 1, 2, 0, 3, 4, 0, 1, 4];
    const x = tensor([letters.slice(0, -1)], { dtype: "int32" });
    const y = tensor(letters.slice(1), { dtype: "int32" });
    const criterion = new nn.CrossEntropyLoss();
    let last = 0;
    for (let i = 0; i < 60; i++) {
      const loss = criterion.forward(small.forward(x).reshape([-1, 5]), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      last = loss.item();
    }
    expect(last).toBeLessThan(0.05);
  });

  test("says what is wrong", async () => {
    await expect(model.generate([])).rejects.toThrow(/the prompt is empty/);
    await expect(model.generate([1], { maxNewTokens: -1 })).rejects.toThrow(/maxNewTokens is a whole number from 0, got -1/);
    await expect(model.generate([9])).rejects.toThrow(/9 is not one of the 7 rows/);
    expect(() => model.forward(zeros([3], { dtype: "int32" }))).toThrow(/expected \[batch, positions\] of whole numbers, got \[3\]/);
    expect(() => model.forward(zeros([1, 7], { dtype: "int32" }))).toThrow(/got 7 tokens, the context is 6/);
    expect(() => gpt({ vocabSize: 0 })).toThrow(/vocabSize must be a whole number from 1, got 0/);
  });
});
