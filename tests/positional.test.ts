import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import * as nn from "../src/nn/index.ts";
import { ones, zeros } from "../src/tensor/create.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { normal, seed } from "../src/tensor/random.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

beforeAll(() => {
  setEngine(referenceEngine());
  seed(0);
});

const close = (a: Tensor, b: Tensor, digits = 5): void => {
  expect(a.shape).toEqual(b.shape);
  const wanted = b.dataSync();
  a.dataSync().forEach((x, i) => expect(x).toBeCloseTo(wanted[i]!, digits));
};

describe("positions that are added", () => {
  test("are the paper's waves", () => {
    const table = nn.sinusoidalPositions(50, 6).dataSync();
    for (const at of [0, 1, 49])
      for (const i of [0, 1, 2]) {
        expect(table[at * 6 + 2 * i]).toBeCloseTo(Math.sin(at / 10000 ** ((2 * i) / 6)), 6);
        expect(table[at * 6 + 2 * i + 1]).toBeCloseTo(Math.cos(at / 10000 ** ((2 * i) / 6)), 6);
      }
    const encoding = new nn.PositionalEncoding(6, { maxLen: 50 }).eval();
    close(encoding.forward(ones([2, 3, 6])), nn.sinusoidalPositions(3, 6).add(1).add(zeros([2, 1, 1])));
    expect(encoding.stateDict()).toEqual({});
  });

  test("are learnt where wanted", () => {
    const positions = new nn.LearnedPositions(4, 6);
    positions.forward(zeros([2, 3, 6])).sum().backward();
    expect([...positions.weight.grad!.sum(1).dataSync()]).toEqual([12, 12, 12, 0]);
    expect(() => positions.forward(zeros([2, 5, 6]))).toThrow(/got 5 positions, there are 4/);
    expect(() => positions.forward(zeros([2, 3, 5]))).toThrow(/expected \[\.\.\., positions, 6\], got \[2, 3, 5\]/);
  });
});

describe("rotary positions", () => {
  test("turn pairs as complex numbers, in both pairings", () => {
    const x = normal([2, 5, 6]);
    const given = x.dataSync();
    for (const [pairing, pair] of [["halves", (i: number) => [i, i + 3]], ["neighbours", (i: number) => [2 * i, 2 * i + 1]]] as const) {
      const turned = new nn.RotaryEmbedding(6, { pairing }).forward(x, 3).dataSync();
      for (let row = 0; row < 10; row++)
        for (let i = 0; i < 3; i++) {
          const [p, q] = pair(i).map((n) => row * 6 + n) as [number, number];
          const angle = ((row % 5) + 3) * 10000 ** ((-2 * i) / 6);
          expect(turned[p]).toBeCloseTo(given[p]! * Math.cos(angle) - given[q]! * Math.sin(angle), 5);
          expect(turned[q]).toBeCloseTo(given[p]! * Math.sin(angle) + given[q]! * Math.cos(angle), 5);
        }
    }
  });

  test("make products depend on distances only", () => {
    const rotary = new nn.RotaryEmbedding(8);
    const [q, k] = [normal([1, 8]).add(zeros([4, 1])), normal([1, 8]).add(zeros([4, 1]))];
    const near = rotary.forward(q).matmul(rotary.forward(k).transpose());
    const far = rotary.forward(q, 40).matmul(rotary.forward(k, 40).transpose());
    close(near, far, 4);
  });

  test("say what is wrong", () => {
    expect(() => new nn.RotaryEmbedding(5)).toThrow(/must be an even number of them; got 5/);
    expect(() => new nn.RotaryEmbedding(4, { pairing: "odd" as "halves" })).toThrow(/pairing is "halves" or "neighbours", got "odd"/);
    expect(() => new nn.RotaryEmbedding(4).forward(zeros([3, 6]))).toThrow(/expected \[\.\.\., positions, 4\], got \[3, 6\]/);
  });
});

describe("biases by distance", () => {
  test("fall as the paper's slopes do", () => {
    expect(nn.alibiSlopes(8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((i) => 2 ** -i));
    // From the authors' program, for a number of heads that is no power of two.
    expect(nn.alibiSlopes(6)).toEqual([0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125]);
    const bias = nn.alibiBias(2, 2, 3).dataSync();
    expect([...bias.slice(0, 6)]).toEqual([-1 / 16, -0, -1 / 16, -2 / 16, -1 / 16, -0]);
  });

  test("of T5 tell near distances apart and put far ones together", () => {
    const both = new nn.RelativePositionBias(2);
    const bucket = (d: number): number => both.bucket(d);
    expect([0, -1, -7, 1, 7].map(bucket)).toEqual([0, 1, 7, 17, 23]);
    expect([-8, -127, -128, -1000, 8, 1000].map(bucket)).toEqual([8, 15, 15, 15, 24, 31]);
    const back = new nn.RelativePositionBias(2, { bidirectional: false });
    expect([3, 0, -15, -16, -127, -500].map((d) => back.bucket(d))).toEqual([0, 0, 15, 16, 31, 31]);
    const bias = both.forward(3, 4);
    expect(bias.shape).toEqual([2, 3, 4]);
    expect(Object.keys(both.stateDict())).toEqual(["relative_attention_bias.weight"]);
    close(bias.slice([0, 1, 0], [2, 2, 3]), bias.slice([0, 2, 1], [2, 3, 4]));
  });
});

describe("attention in groups", () => {
  test("gives with a cache the numbers of the whole sequence, turned by positions", () => {
    const attention = new nn.GroupedQueryAttention(12, 6, 2, { rotary: new nn.RotaryEmbedding(2) });
    const x = normal([2, 6, 12]);
    const whole = attention.forward(x, { isCausal: true });
    for (const cache of [new nn.KeyValueCache(), new nn.KeyValueCache({ capacity: 8 })]) {
      const pieces = [[0, 3], [3, 4], [4, 6]].map(([from, to]) => attention.forward(x.slice([0, from!], [2, to!]), { cache }));
      pieces.forEach((piece, i) => close(piece, whole.slice([0, [0, 3, 4][i]!], [2, [3, 4, 6][i]!])));
    }
  });

  test("with as many heads of keys is attention as PyTorch has it", () => {
    const own = new nn.GroupedQueryAttention(8, 2, 2);
    const heads = new nn.MultiheadAttention(8, 2, { bias: false, batchFirst: true });
    const [q, k, v] = heads.inProjWeight!.split(3) as [Tensor, Tensor, Tensor];
    own.loadStateDict({ "q_proj.weight": q, "k_proj.weight": k, "v_proj.weight": v, "o_proj.weight": heads.outProj.weight });
    const x = normal([2, 5, 8]);
    close(own.forward(x), heads.forward(x)[0]);
  });

  test("says what is wrong", () => {
    expect(() => new nn.GroupedQueryAttention(8, 4, 3)).toThrow(/4 heads of queries cannot share 3 heads of keys and values evenly/);
    expect(() => new nn.GroupedQueryAttention(9, 4, 2)).toThrow(/embedDim 9 does not divide into 4 heads/);
    expect(() => new nn.GroupedQueryAttention(8, 4, 2, { rotary: new nn.RotaryEmbedding(4) })).toThrow(/rotary turns 4 features, a head has 2/);
    const attention = new nn.GroupedQueryAttention(8, 4, 2);
    expect(() => attention.forward(zeros([2, 8]))).toThrow(/expected \[batch, positions, 8\], got \[2, 8\]/);
    expect(() => attention.forward(zeros([1, 2, 8]), { isCausal: true, cache: new nn.KeyValueCache() })).toThrow(/a cache goes with no masks/);
  });
});
