import { afterEach, describe, expect, test } from "vitest";
import { chooseEngine } from "../src/engines/choose.ts";
import { nativeEngine } from "../src/engines/native/engine.ts";
import { loadAddon } from "../src/engines/native/load.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { wasmEngineInNode } from "../src/engines/wasm/node.ts";
import { compile, cond, full, grad, type Tensor, tensor, vmap, whileLoop } from "../src/index.ts";
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

const wasm = wasmEngineInNode();
const stopping = [referenceEngine(), ...(typeof loadAddon() === "string" ? [] : [nativeEngine(1), nativeEngine(3)]), ...(typeof wasm === "string" ? [] : [wasm])];
describe.each(stopping.map((engine, i) => [`${engine.name} (${i})`, engine] as const))("whileLoop on %s stops", (_, engine) => {
  // More steps than anybody could wait for, an even and an odd number of them.
  test.each([2 ** 30, 2 ** 30 + 1])("long before step %i, wherever the last numbers lie", (maxSteps) => {
    setEngine(engine);
    const grown = (x: Tensor, end: number): Tensor => whileLoop((y: Tensor) => y.max().less(end), (y) => y.mul(2), x, { maxSteps });
    for (const [end, result] of [[0, 3], [4, 6], [10, 12], [20, 24], [1000, 1536]] as const) {
      expect(grown(tensor(3), end).item()).toBe(result);
      expect(compile((x: Tensor) => grown(x, end))(tensor([1, 3])).arraySync()).toEqual([result / 3, result]);
    }
  });

  test("with much to do at each step, which threads share", () => {
    setEngine(engine);
    const n = engine.name === "reference" ? 1000 : 400_000;
    const x = whileLoop((y: Tensor) => y.mean().less(5), (y) => y.add(1), full([n], 0.5), { maxSteps: 2 ** 30 });
    expect([x.min().item(), x.max().item()]).toEqual([5.5, 5.5]);
  });

  test("when the last of many examples has come to its end", () => {
    setEngine(engine);
    const halvings = vmap((x: Tensor) => whileLoop(({ x }: { x: Tensor; n: Tensor }) => x.greater(1), ({ x, n }) => ({ x: x.mul(0.5), n: n.add(1) }), { x, n: tensor(0) }, { maxSteps: 2 ** 30 }).n);
    expect(halvings(tensor([0.5, 8, 3, 100])).arraySync()).toEqual([0, 3, 2, 7]);
  });
});

test("conditions that are none, and forms that differ, are refused", () => {
  const x = tensor([1, 2]);
  expect(() => cond(x, () => x, () => x)).toThrow(/the condition is a single number, got \[2\][\s\S]*\.max\(\) for any/);
  expect(() => cond(true as never, () => x, () => x)).toThrow(/must be a tensor, got boolean/);
  expect(() => cond(x.sum(), () => x, () => x.sum())).toThrow(/float32\[2\] on one side and float32\[\] on the other/);
  expect(() => whileLoop((y: Tensor) => y.sum(), (y) => y, x, { maxSteps: -1 })).toThrow(/maxSteps is a whole number from 0, got -1/);
});
