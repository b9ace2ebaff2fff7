import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import * as init from "../src/nn/init.ts";
import * as initializers from "../src/nn/initializers.ts";
import { fansInOut } from "../src/nn/start.ts";
import { zeros } from "../src/tensor/create.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { seed } from "../src/tensor/random.ts";
import { casesOf, expectClose, type Stored } from "./parity.ts";

beforeAll(() => setEngine(referenceEngine()));

describe("dirac is PyTorch's", () => {
  for (const c of casesOf<{ name: string; groups: number; value: Stored }>("torch/init"))
    test(c.name, () => expectClose(init.dirac(zeros(c.value.shape), { groups: c.groups }), c.value, "weight"));
});

test("sparse leaves out the share that is asked for, in every column", () => {
  const numbers = init.sparse(zeros([10, 6]), { sparsity: 0.25, std: 2 }).dataSync();
  for (let j = 0; j < 6; j++) expect([...numbers].filter((v, i) => i % 6 === j && v === 0)).toHaveLength(3);
});

test("a truncated bell curve stays within its bounds, in the tails too", () => {
  seed(4);
  for (const [a, b] of [[-2, 2], [-0.5, 3], [2.5, 4], [-0.1, 0.1]] as const) {
    const numbers = [...init.truncNormal(zeros([4000]), 0, 1, a, b).dataSync()];
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(a - 1e-6);
    expect(Math.max(...numbers)).toBeLessThanOrEqual(b + 1e-6);
    // The mean of a cut bell curve: the difference of its heights at the ends, over the area between.
    const [height, steps] = [(z: number) => Math.exp((-z * z) / 2), 2000];
    let area = 0;
    for (let i = 0; i < steps; i++) area += (height(a + ((i + 0.5) * (b - a)) / steps) * (b - a)) / steps;
    const mean = numbers.reduce((x, y) => x + y, 0) / numbers.length;
    expect(Math.abs(mean - (height(a) - height(b)) / area)).toBeLessThan(0.08);
  }
});

test.each(["randomUniform", "randomNormal", "truncatedNormal", "glorotNormal", "glorotUniform", "heNormal", "heUniform", "lecunNormal", "lecunUniform", "varianceScaling", "orthogonal"] as const)(
  "%s with a seed gives the same numbers at every use, and leaves the program's own draws alone",
  (name) => {
    seed(1);
    const [kept, free] = [initializers[name]({ seed: 7 }), initializers[name]()];
    const draw = (start: typeof kept): number[] => [...start([4, 3], fansInOut([4, 3])).dataSync()];
    const first = draw(kept);
    const between = draw(free);
    expect(draw(kept)).toEqual(first);
    expect(between).not.toEqual(first);
    seed(1);
    expect(draw(free)).toEqual(between);
  },
);

describe("mistakes are named with what would be right", () => {
  test.each<[string, () => unknown, string]>([
    ["a vector for dirac", () => init.dirac(zeros([3])), "needs the weight of a convolution, 3 to 5 axes, got [3]"],
    ["groups that do not divide", () => init.dirac(zeros([3, 1, 1]), { groups: 2 }), "3 channels cannot be divided into 2 groups"],
    ["a vector to thin out", () => init.sparse(zeros([3]), { sparsity: 0.5 }), "only a matrix has columns to thin out, not [3]"],
    ["no share", () => init.sparse(zeros([3, 3]), { sparsity: 2 }), "sparsity is 2; it is a share from 0 to 1"],
    ["bounds the wrong way round", () => init.truncNormal(zeros([3]), 0, 1, 1, -1), "nothing lies between 1 and -1"],
    ["a seed that is no whole number", () => initializers.heNormal({ seed: 0.5 })([2, 2], { in: 2, out: 2 }), "seed is 0.5; it is a whole number"],
  ])("%s", (_, mistake, message) => expect(mistake).toThrow(message));

});
