/** Derivatives of functions in all their forms. */
import { describe, expect, test } from "vitest";
import { compile, grad, hessian, hvp, jacfwd, jacobian, jacrev, jvp, stopGradient, tensor, type Tensor, valueAndGrad, vjp } from "../src/index.ts";

const numbers = (x: Tensor): number[] => [...x.dataSync()];
const x = tensor([1, 2, 3]);
const f = (a: Tensor, b: Tensor): Tensor => a.mul(b).square().sum();

describe("grad", () => {
  test("is taken with respect to one argument, or several", () => {
    expect(numbers(grad(f)(x, tensor([1, 1, 2])))).toEqual([2, 4, 24]);
    expect(numbers(grad(f, 1)(x, tensor([1, 1, 2])))).toEqual([2, 8, 36]);
    expect(grad(f, { argnums: [1, 0] })(x, tensor([1, 1, 2])).map(numbers)).toEqual([[2, 8, 36], [2, 4, 24]]);
    expect(() => grad(f, 2)(x, x)).toThrow(/there is no argument 2; the function got 2/);
  });

  test("has the form of the argument: lists and records of tensors", () => {
    const g = ({ w, b }: { w: Tensor; b: [Tensor, Tensor] }, t: Tensor): Tensor => w.mul(t).add(b[0]).mul(b[1]).sum();
    const slopes = grad(g)({ w: tensor([1]), b: [tensor([2]), tensor([3])] }, tensor([4]));
    expect([numbers(slopes.w), ...slopes.b.map(numbers)]).toEqual([[12], [3], [6]]);
  });

  test("hands on what else the function returns", () => {
    const g = (a: Tensor): [Tensor, { seen: Tensor }] => [a.square().sum(), { seen: a.mul(10) }];
    const [slope, { seen }] = grad(g, { hasAux: true })(x);
    expect([numbers(slope), numbers(seen)]).toEqual([[2, 4, 6], [10, 20, 30]]);
    const [[value, more], gradient] = valueAndGrad(g, { hasAux: true })(x);
    expect([value.item(), numbers(more.seen), numbers(gradient)]).toEqual([14, [10, 20, 30], [2, 4, 6]]);
    expect(() => grad((a: Tensor) => a.sum() as any, { hasAux: true })(x)).toThrow(/with hasAux the function must return \[value, more\]/);
  });

  test("is refused for whole numbers", () => {
    expect(() => grad((a: Tensor) => a.sum())(tensor([1], { dtype: "int32" }))).toThrow(/argument 0 is int32; only floats have derivatives/);
  });

  test("does not flow through stopGradient", () => {
    expect(numbers(grad((a: Tensor) => a.mul(stopGradient(a)).sum())(x))).toEqual([1, 2, 3]);
    const [a] = stopGradient([x.mul(2)]);
    expect(numbers(a!)).toEqual([2, 4, 6]);
  });
});

describe("vjp and jvp", () => {
  test("take lists and records, in and out", () => {
    const g = (p: { a: Tensor }, b: Tensor): { sum: Tensor; product: Tensor } => ({ sum: p.a.add(b), product: p.a.mul(b) });
    const [value, back] = vjp(g, { a: x }, tensor([2, 2, 2]));
    expect(numbers(value.product)).toEqual([2, 4, 6]);
    const [p, b] = back({ sum: tensor([1, 1, 1]), product: tensor([0, 0, 1]) });
    expect([numbers(p.a), numbers(b)]).toEqual([[1, 1, 3], [1, 1, 4]]);
    const [, tangent] = jvp(g, [{ a: x }, tensor([2, 2, 2])], [{ a: tensor([1, 0, 0]) }, tensor([0, 1, 0])]);
    expect([numbers(tangent.sum), numbers(tangent.product)]).toEqual([[1, 1, 0], [2, 2, 0]]);
    expect(() => back({ sum: tensor([1]), product: x })).toThrow(/what flows back is \[1\], the value.sum is \[3\]/);
    expect(() => jvp(g, [{ a: x }, x], [{ a: tensor([1]) }, x])).toThrow(/the tangent of argument 0.a is \[1\], argument 0.a is \[3\]/);
    expect(() => jvp(g, [{ a: x }, x], [{ a: x }] as never)).toThrow(/2 arguments need 2 tangents, got 1/);
  });

  test("hand on what else the function returns", () => {
    const g = (a: Tensor): [Tensor, string] => [a.square(), "seen"];
    const [, back, aux] = vjp(g, [x], { hasAux: true });
    expect([numbers(back(tensor([1, 1, 1]))[0]), aux]).toEqual([[2, 4, 6], "seen"]);
    const [, tangent, more] = jvp(g, [x], [tensor([1, 0, 1])], { hasAux: true });
    expect([numbers(tangent), more]).toEqual([[2, 0, 6], "seen"]);
  });
});

describe("the matrix of slopes", () => {
  const g = (a: Tensor): Tensor => a.mul(a.sum()).slice([0], [2]);
  const want = [7, 1, 1, 2, 8, 2];
  test.each([["jacrev", jacrev], ["jacfwd", jacfwd], ["jacobian", jacobian]] as const)("%s has a row for each result, a column for each input", (_, way) => {
    const m = way(g)(x);
    expect([m.shape, numbers(m)]).toEqual([[2, 3], want]);
    const c = compile((a: Tensor) => way(g)(a));
    expect(numbers(c(x))).toEqual(want);
    expect(numbers(way((a: Tensor) => a.sum())(x))).toEqual([1, 1, 1]);
    expect(way((a: Tensor) => a.matmul(a))(tensor([[1, 2], [3, 4]])).shape).toEqual([2, 2, 2, 2]);
    const [matrix, aux] = way((a: Tensor): [Tensor, number] => [g(a), 5], { hasAux: true })(x);
    expect([numbers(matrix), aux]).toEqual([want, 5]);
    const both = way((a: Tensor, b: Tensor) => ({ y: a.mul(b) }), [0, 1])(x, tensor([4, 5, 6]));
    expect(both.y.map(numbers)).toEqual([[4, 0, 0, 0, 5, 0, 0, 0, 6], [1, 0, 0, 0, 2, 0, 0, 0, 3]]);
  });

  test("of something that does not depend on the input is 0", () => {
    expect(numbers(jacfwd((_: Tensor) => x.mul(2))(x))).toEqual(new Array(9).fill(0));
    expect(numbers(jacrev((_: Tensor) => x.mul(2))(x))).toEqual(new Array(9).fill(0));
  });
});

describe("second derivatives", () => {
  const g = (a: Tensor): Tensor => a.pow(3).sum().mul(a.sum());
  test("are a matrix, symmetric, or its product with a vector", () => {
    const h = hessian(g)(x);
    const m = numbers(h);
    expect(h.shape).toEqual([3, 3]);
    // ∂²/∂i∂j of Σa³ · Σa = 6aᵢ·Σa·[i=j] + 3aᵢ² + 3aⱼ²
    const want = [1, 2, 3].flatMap((a, i) => [1, 2, 3].map((b, j) => (i === j ? 36 * a : 0) + 3 * a * a + 3 * b * b));
    m.forEach((v, i) => expect(v).toBeCloseTo(want[i]!, 3));
    const t = tensor([1, -1, 2]);
    const [value, [product]] = hvp(g, [x], [t]);
    expect(value.item()).toBeCloseTo(216, 3);
    numbers(product).forEach((v, i) => expect(v).toBeCloseTo(want[3 * i]! - want[3 * i + 1]! + 2 * want[3 * i + 2]!, 2));
  });

  test("with respect to several arguments are blocks", () => {
    const blocks = hessian((a: Tensor, b: Tensor) => a.mul(b).sum(), [0, 1])(tensor([1, 2]), tensor([3, 4]));
    expect(blocks.map((row) => row.map(numbers))).toEqual([[[0, 0, 0, 0], [1, 0, 0, 1]], [[1, 0, 0, 1], [0, 0, 0, 0]]]);
    const [h, aux] = hessian((a: Tensor): [Tensor, Tensor] => [a.square().sum(), a], { hasAux: true })(tensor([1, 2]));
    expect([numbers(h), numbers(aux)]).toEqual([[2, 0, 0, 2], [1, 2]]);
  });

  test("are those of a single number", () => {
    expect(() => hessian((a: Tensor) => a.square())(x)).toThrow(/hessian: the function must return a single number, it returned \[3\]/);
    expect(() => hvp((a: Tensor) => a.square(), [x], [x])).toThrow(/hvp: the function must return a single number/);
  });
});
