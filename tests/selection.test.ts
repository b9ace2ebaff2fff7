import { describe, expect, test } from "vitest";
import { bernoulli, compile, eye, maskedSelect, multinomial, nonZero, normal, permutation, seed, tensor, unique } from "../src/index.ts";

describe("results whose size depends on numbers", () => {
  test("the places of what is not 0", async () => {
    expect((await nonZero(eye(3).mul(2))).arraySync()).toEqual([[0, 0], [1, 1], [2, 2]]);
    expect((await nonZero(tensor([0, 1.5, 0, -2]))).arraySync()).toEqual([[1], [3]]);
    expect((await nonZero(tensor([0, 0]))).shape).toEqual([0, 1]);
  });

  test("the numbers under a mask, with their gradient", async () => {
    const x = tensor([[1, 2], [3, 4]], { requiresGrad: true });
    const picked = await maskedSelect(x, x.greater(1.5));
    expect(picked.arraySync()).toEqual([2, 3, 4]);
    picked.square().sum().backward();
    expect(x.grad!.arraySync()).toEqual([[0, 4], [6, 8]]);
    await expect(maskedSelect(x, tensor([true, false]))).rejects.toThrow("x is [2, 2], mask [2]; they must be equal");
  });

  // np.unique([3, 1, 2, 3, 1], return_index=True, return_inverse=True, return_counts=True)
  test("each value once, as NumPy has it", async () => {
    const { values, indices, inverse, counts } = await unique(tensor([3, 1, 2, 3, 1]));
    expect(values.arraySync()).toEqual([1, 2, 3]);
    expect(indices.arraySync()).toEqual([1, 2, 0]);
    expect(inverse.arraySync()).toEqual([2, 0, 1, 2, 0]);
    expect(counts.arraySync()).toEqual([2, 1, 2]);
    const nan = await unique(tensor([Number.NaN, 2, Number.NaN]));
    expect(nan.values.arraySync()).toEqual([2, Number.NaN]);
  });

  test("rows and columns that differ", async () => {
    const x = tensor([[1, 0], [0, 5], [1, 0]]);
    const rows = await unique(x, { axis: 0 });
    expect(rows.values.arraySync()).toEqual([[0, 5], [1, 0]]);
    expect(rows.inverse.arraySync()).toEqual([1, 0, 1]);
    const columns = await unique(tensor([[1, 1, 2], [3, 3, 0]]), { axis: -1 });
    expect(columns.values.arraySync()).toEqual([[1, 2], [3, 0]]);
    expect(columns.counts.arraySync()).toEqual([2, 1]);
  });

  test("a compiled function says why it cannot", async () => {
    let said: Promise<unknown> | undefined;
    const f = compile((x: ReturnType<typeof tensor>) => {
      said = nonZero(x);
      said.catch(() => {});
      return x;
    });
    f(tensor([1, 0]));
    await expect(said).rejects.toThrow("the size of its result depends on numbers");
  });
});

describe("draws", () => {
  test("coins fall by their chance", () => {
    seed(0);
    const p = tensor([0, 0.25, 1]).broadcast([20000, 3]);
    const [never, some, always] = bernoulli(p).mean(0).dataSync();
    expect([never, always]).toEqual([0, 1]);
    expect(Math.abs(some! - 0.25)).toBeLessThan(0.015);
  });

  test("a permutation holds each number once, and is another each time", () => {
    seed(0);
    const [a, b] = [permutation(50), permutation(50)].map((x) => [...x.dataSync()]);
    expect([...a!].sort((x, y) => x - y)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(a).not.toEqual(b);
  });

  test("places are drawn by weight, and once without replacement", () => {
    seed(0);
    const drawn = multinomial(tensor([1, 0, 3]), 20000, { replacement: true });
    const shares = [0, 1, 2].map((k) => drawn.equal(k).to("float32").mean().item());
    expect(shares[1]).toBe(0);
    expect(Math.abs(shares[0]! - 0.25)).toBeLessThan(0.015);
    const weights = tensor([[1, 2, 3, 4]]).broadcast([2000, 4]);
    const pairs = multinomial(weights, 2);
    expect(pairs.shape).toEqual([2000, 2]);
    const both = pairs.arraySync() as number[][];
    expect(both.every(([a, b]) => a !== b)).toBe(true);
    // P(first = 3) is 4 / 10.
    expect(Math.abs(both.filter(([a]) => a === 3).length / 2000 - 0.4)).toBeLessThan(0.05);
    expect(() => multinomial(tensor([1, 2]), 3)).toThrow("3 of 2 places cannot be drawn without replacement");
  });
});

test("functions with several results are methods too", () => {
  const x = tensor([[3, 1, 2], [6, 5, 4]]);
  expect(x.topK(2).values.arraySync()).toEqual([[3, 2], [6, 5]]);
  expect(x.kthValue(1).indices.arraySync()).toEqual([1, 2]);
  expect(x.unbind(1).map((column) => column.arraySync())).toEqual([[3, 6], [1, 5], [2, 4]]);
  expect(x.chunk(2, 1).map((part) => part.shape)).toEqual([[2, 2], [2, 1]]);
  expect(tensor([1, 2]).outer(tensor([3, 4])).arraySync()).toEqual([[3, 4], [6, 8]]);
  expect(tensor([1, 2]).repeat(2).arraySync()).toEqual([1, 1, 2, 2]);
  expect(normal([4, 4]).fmod(1).isClose(normal([4, 4])).dtype).toBe("bool");
});

test("what is left over, and numbers that are none", () => {
  expect(tensor([5.5, -5.5, 5.5]).fmod(tensor([2, 2, -2])).arraySync()).toEqual([1.5, -1.5, 1.5]);
  expect(tensor([1.25, -1.25]).frac().arraySync()).toEqual([0.25, -0.25]);
  expect(tensor([Number.NaN, Infinity, 1]).nanToNum().arraySync()).toEqual([0, 3.4028234663852886e38, 1]);
  expect(tensor([1, 1]).isClose(tensor([1.000001, 1.1])).arraySync()).toEqual([true, false]);
});
