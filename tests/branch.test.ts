import { afterEach, describe, expect, test } from "vitest";
import { chooseEngine } from "../src/engines/choose.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { compile, cond, grad, type Tensor, tensor, whileLoop } from "../src/index.ts";
import { setEngine } from "../src/tensor/evaluate.ts";

afterEach(() => setEngine(chooseEngine().engine));

describe.each([referenceEngine(), chooseEngine().engine])("on $name", (engine) => {
  test("cond chooses inside a compiled function, with the gradient of what is chosen", () => {
    setEngine(engine);
    const f = (x: Tensor): Tensor => cond(x.sum().greater(1), () => x.square().sum(), () => x.mul(3).sum());
    const both = compile((x: Tensor) => [f(x), grad(f)(x)]);
    expect(both(tensor([1, 2])).map((y) => [...y.dataSync()])).toEqual([[5], [2, 4]]);
    expect(both(tensor([0, 0.5])).map((y) => [...y.dataSync()])).toEqual([[1.5], [3, 3]]);
  });

  test("whileLoop goes on while its condition holds, with gradients", () => {
    setEngine(engine);
    const grown = (x: Tensor): Tensor => whileLoop((y: Tensor) => y.less(100), (y) => y.mul(2), x, { maxSteps: 10 });
    expect(grown(tensor(3)).item()).toBe(192);
    expect(grad(grown)(tensor(3)).item()).toBe(64);
    expect(whileLoop(({ n }: { n: Tensor; x: Tensor }) => n.less(4), ({ n, x }) => ({ n: n.add(1), x: x.mul(x) }), { n: tensor(0), x: tensor([1, 2]) }, { maxSteps: 4 }).x.arraySync()).toEqual([1, 65536]);
  });
});

test("conditions that are none, and forms that differ, are refused", () => {
  const x = tensor([1, 2]);
  expect(() => cond(x, () => x, () => x)).toThrow(/the condition is a single number, got \[2\][\s\S]*\.max\(\) for any/);
  expect(() => cond(true as never, () => x, () => x)).toThrow(/must be a tensor, got boolean/);
  expect(() => cond(x.sum(), () => x, () => x.sum())).toThrow(/float32\[2\] on one side and float32\[\] on the other/);
  expect(() => whileLoop((y: Tensor) => y.sum(), (y) => y, x, { maxSteps: -1 })).toThrow(/maxSteps is a whole number from 0, got -1/);
});
