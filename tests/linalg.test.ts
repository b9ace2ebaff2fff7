import { beforeAll, describe, expect, test } from "vitest";
import { nativeEngine } from "../src/engines/native/engine.ts";
import { loadAddon } from "../src/engines/native/load.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { compile } from "../src/tensor/compile.ts";
import { tensor } from "../src/tensor/create.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { grad } from "../src/tensor/functional.ts";
import * as linalg from "../src/tensor/linalg.ts";
import { normal, seed } from "../src/tensor/random.ts";
import { Tensor } from "../src/tensor/tensor.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";
import { threadedEngine } from "./threads.ts";

interface Case {
  name: string;
  function: keyof typeof linalg;
  args: Stored[];
  options: { power?: number; order?: linalg.Order | "Infinity" | "-Infinity"; axes?: number | number[]; upper?: boolean };
  results: Stored[];
}

const engines = [referenceEngine(), threadedEngine(2), ...(typeof loadAddon() === "string" ? [] : [nativeEngine(2)])];
const numbersOf = (x: Tensor): number[] => [...x.dataSync()];
const apart = (a: Tensor, b: Tensor): number => a.sub(b).abs().max().item();

for (const engine of engines)
  describe(`linear algebra on ${engine.name}`, () => {
    beforeAll(() => setEngine(engine));

    for (const { name, function: f, args, options, results } of casesOf<Case>("numpy/linalg"))
      test(`${name} ${JSON.stringify(options)} gives NumPy's numbers`, () => {
        const given = args.map((stored) => restore(stored));
        const { order, axes, power } = options;
        const extra = f === "norm" ? [typeof order === "string" && order.endsWith("Infinity") ? Number(order) : (order ?? undefined), { axes }] : f === "matrixPower" ? [power] : [options];
        const got = (linalg[f] as (...all: unknown[]) => Tensor | Record<string, Tensor>)(...given, ...extra);
        const list = got instanceof Tensor ? [got] : Object.values(got);
        list.forEach((x, i) => expectClose(x, results[i]!, `${name}, result ${i}`, 1e-9));
        expect(list.length).toBe(results.length);
      });

    test("factors multiply to the matrix, and their vectors are orthonormal", () => {
      seed(3);
      for (const shape of [[1, 1], [5, 5], [2, 7, 3], [3, 8], [60, 40], [70, 64], [50, 90]]) {
        const a = normal(shape, 0, 1, "float64");
        const { q, r } = linalg.qr(a);
        const { u, s, vt } = linalg.svd(a);
        expect(apart(q.matmul(r), a)).toBeLessThan(1e-12);
        expect(apart(u.mul(s.expandDims(-2)).matmul(vt), a)).toBeLessThan(1e-12);
        for (const basis of [q, u, vt.transpose()]) expect(apart(basis.transpose().matmul(basis), linalg.matrixPower(basis.transpose().matmul(basis), 0))).toBeLessThan(1e-12);
        const both = a.matmul(a.transpose());
        const { values, vectors } = linalg.eigh(both);
        expect(apart(both.matmul(vectors), vectors.mul(values.expandDims(-2)))).toBeLessThan(1e-10);
      }
    });

    test("degenerate matrices keep orthonormal vectors and finite gradients", () => {
      const one = tensor([[1, 1, 1], [1, 1, 1], [1, 1, 1]], { dtype: "float64" });
      const { u, s, vt } = linalg.svd(one);
      expect(numbersOf(s).map((x) => Math.round(x * 1e6) / 1e6)).toEqual([3, 0, 0]);
      expect(apart(u.transpose().matmul(u), linalg.matrixPower(one, 0))).toBeLessThan(1e-12);
      expect(apart(vt.matmul(vt.transpose()), linalg.matrixPower(one, 0))).toBeLessThan(1e-12);
      const zero = linalg.svd(tensor([[0, 0], [0, 0]]));
      expect([numbersOf(zero.s), numbersOf(zero.u.transpose().matmul(zero.u))]).toEqual([[0, 0], [1, 0, 0, 1]]);
      const slopes = grad((a: Tensor) => linalg.eigvalsh(a).sum())(linalg.matrixPower(one, 0));
      expect(numbersOf(slopes)).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    });

    test("what has no answer is infinite or NaN, and says so in numbers", () => {
      const singular = tensor([[1, 2], [2, 4]]);
      expect(linalg.det(singular).item()).toBe(0);
      expect(numbersOf(linalg.slogdet(singular).logabsdet)).toEqual([Number.NEGATIVE_INFINITY]);
      expect(numbersOf(linalg.inv(singular)).some(Number.isFinite)).toBe(false);
      expect(numbersOf(linalg.cholesky(tensor([[1, 2], [2, 1]])))[3]).toBeNaN();
      for (const bad of [tensor([[Number.NaN, 1], [1, 1]]), tensor([[1, Number.POSITIVE_INFINITY], [2, 3]])])
        for (const x of [...Object.values(linalg.svd(bad)), ...Object.values(linalg.eigh(bad)), linalg.inv(tensor([[Number.NaN, 1], [1, 1]]))]) expect(numbersOf(x).every(Number.isNaN)).toBe(true);
    });

    test("whole numbers are solved in float32, and short floats in their own dtype", () => {
      const a = tensor([[2, 0], [1, 4]], { dtype: "int32" });
      expect(linalg.solve(a, tensor([2, 9])).dtype).toBe("float32");
      expect(numbersOf(linalg.solve(a, tensor([2, 9])))).toEqual([1, 2]);
      expect(linalg.inv(a.to("bfloat16")).dtype).toBe("bfloat16");
      expect(numbersOf(linalg.inv(a.to("bfloat16")))).toEqual([0.5, 0, -0.125, 0.25]);
    });

    test("a Newton step in a compiled function goes to the minimum of a bowl", () => {
      const bowl = tensor([[3, 1], [1, 2]]);
      const step = compile((x: Tensor) => x.sub(linalg.solve(bowl, bowl.matmul(x).sub(1))));
      const x = step(tensor([5, -7]));
      expect(bowl.matmul(x).sub(1).abs().max().item()).toBeLessThan(1e-5);
    });
  });

describe("mistakes in linear algebra are explained:", () => {
  const x = (...shape: number[]): Tensor => normal(shape);
  const mistakes: [what: string, make: () => unknown, message: RegExp][] = [
    ["a matrix that is not square", () => linalg.inv(x(2, 3)), /expected square matrices \[..., n, n\], got \[2, 3\]/],
    ["a vector for a matrix", () => linalg.solve(x(3), x(3)), /linalg.solve: expected square matrices \[..., n, n\], got \[3\]/],
    ["right sides that do not fit", () => linalg.solve(x(3, 3), x(2, 1)), /solve: a is \[3, 3\], b is \[2, 1\]; b must be \[3, k\]/],
    ["batches that do not fit", () => linalg.solve(x(2, 3, 3), x(4, 3, 1)), /linalg.solve: shapes \[2\] and \[4\] do not broadcast/],
    ["a right side without its axis", () => x(3, 3).solve(x(3)), /hint: a single right side needs an axis: b\.expandDims\(-1\)/],
    ["unequal rows", () => linalg.lstsq(x(4, 2), x(3, 1)), /linalg.lstsq: a is \[4, 2\], b is \[3, 1\]; they must have as many rows/],
    ["half a power", () => linalg.matrixPower(x(2, 2), 0.5), /linalg.matrixPower: 0.5 is no whole number/],
    ["an unknown length of a matrix", () => linalg.norm(x(2, 2), 3), /linalg.norm: a matrix has no length of order 3/],
    ["a matrix's length of a vector", () => linalg.norm(x(3), "nuc"), /"nuc" is the length of a matrix/],
    ["an order for more than two axes", () => linalg.norm(x(2, 2, 2), 2), /order 2 is for vectors or matrices, \[2, 2, 2\] has 3 axes/],
  ];
  for (const [what, make, message] of mistakes) test(what, () => expect(make).toThrow(message));
});
