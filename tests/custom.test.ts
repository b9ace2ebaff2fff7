/** Gradients that are given, and values that are computed twice. */
import { describe, expect, test } from "vitest";
import { gradients } from "../src/autodiff/gradient.ts";
import { compile as compileGraph } from "../src/compiler/compile.ts";
import { expandMacros } from "../src/compiler/expand.ts";
import { inOrder } from "../src/graph/walk.ts";
import { evaluate } from "../src/tensor/evaluate.ts";
import { compile, customGradient, grad, hessian, jvp, nn, normal, remat, seed, tensor, type Tensor, vmap, zeros } from "../src/index.ts";
import { loopsEngine } from "./program-loops.ts";

const numbers = (x: Tensor): number[] => [...x.dataSync()];
const x = tensor([0.5, -1, 2]);
const bytes = (numbers: ArrayBufferView): Buffer => Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);

describe("customGradient", () => {
  const straight = customGradient((v: Tensor) => v.round(), (dy) => dy);
  const tripled = customGradient((v: Tensor) => v.square(), (dy, [v]) => dy.mul(v).mul(3));

  test("gives the value of the function and the gradient of the other", () => {
    expect(numbers(straight(x))).toEqual([0, -1, 2]);
    expect(numbers(grad((v: Tensor) => straight(v).mul(tensor([1, 2, 3])).sum())(x))).toEqual([1, 2, 3]);
    expect(numbers(grad((v: Tensor) => tripled(v.mul(2)).sum())(x))).toEqual([6, -12, 24].map((v, i) => v * [0.5, 1, 1][i]! * (i === 0 ? 2 : 1)));
  });

  test("goes with backward, compile and vmap, and has derivatives of its own", () => {
    const w = tensor([1, 2, 3], { requiresGrad: true });
    tripled(w).sum().backward();
    expect(numbers(w.grad!)).toEqual([3, 6, 9]);
    const step = compile((v: Tensor) => grad((u: Tensor) => tripled(u).sum())(v));
    expect([numbers(step(x)), numbers(step(x))]).toEqual([[1.5, -3, 6], [1.5, -3, 6]]);
    expect(numbers(vmap(grad((v: Tensor) => tripled(v)))(x))).toEqual([1.5, -3, 6]);
    expect(numbers(grad((v: Tensor) => vmap(tripled)(v).sum())(x))).toEqual([1.5, -3, 6]);
    expect(numbers(grad((v: Tensor) => grad((u: Tensor) => tripled(u).sum())(v).sum())(x))).toEqual([3, 3, 3]);
    expect(numbers(jvp(tripled, [x], [tensor([1, 0, 1])])[1])).toEqual([1.5, -0, 6]);
    expect(numbers(hessian((v: Tensor) => tripled(v).sum())(tensor([1, 2])))).toEqual([3, 0, 0, 3]);
  });

  test("sums up what flows back from all examples to what is the same for them", () => {
    const scaled = customGradient((a: Tensor, s: Tensor) => a.mul(s), (dy, [a, s]) => [dy.mul(s), dy.mul(a).mul(10)]);
    const f = (s: Tensor): Tensor => vmap(scaled, { inAxes: [0, null] })(x, s).sum();
    expect(f(tensor(2)).item()).toBe(3);
    expect(grad(f)(tensor(2)).item()).toBe(15);
  });

  test("takes lists and records, and lets nothing flow where nothing is said", () => {
    const f = customGradient(({ a, b }: { a: Tensor; b: Tensor }, c: Tensor) => a.mul(b).add(c).sum(), (dy, [{ b }]) => [{ a: dy.mul(b), b: b.mul(0).add(7) }, undefined]);
    const [p, c] = grad(f, [0, 1])({ a: x, b: tensor([1, 2, 3]) }, x);
    expect([numbers(p.a), numbers(p.b), numbers(c)]).toEqual([[1, 2, 3], [7, 7, 7], [0, 0, 0]]);
  });

  test("says what does not fit", () => {
    expect(() => customGradient((v: Tensor) => v, (dy) => dy.sum())(x)).toThrow(/what flows back to argument 0 is \[\], argument 0 is \[3\]/);
    expect(() => customGradient((a: Tensor, b: Tensor) => a.add(b), (dy) => [dy] as never)(x, x)).toThrow(/2 arguments need as many gradients, backward returned 1/);
    expect(() => customGradient(() => 3 as never, (dy: Tensor) => dy as never)()).toThrow(/the function must return a tensor, it returned number/);
  });
});

describe("remat", () => {
  const depth = 12;
  const blocks = (): nn.Module[] => {
    seed(5);
    return Array.from({ length: depth }, () => new nn.Sequential(new nn.Linear(128, 512), new nn.GELU(), new nn.Linear(512, 128), new nn.Tanh()));
  };
  const input = (): Tensor => {
    seed(6);
    return normal([64, 128]);
  };
  const run = (model: readonly nn.Module[], again: boolean, x: Tensor): Tensor => {
    let h = x;
    for (const block of model) {
      const f = (v: Tensor): Tensor => block.forward(v).add(v);
      h = (again ? remat(f) : f)(h);
    }
    return h.square().mean();
  };
  /** Bytes of the arena of the program that computes loss and gradients. */
  const arena = (again: boolean): number => {
    const model = blocks();
    const loss = run(model, again, input());
    const parameters = model.flatMap((block) => block.parameters());
    const roots = expandMacros([loss.leaf, ...gradients(loss.leaf, parameters.map((p) => p.leaf))]);
    return compileGraph(inOrder(roots, (node) => node.value !== undefined || !node.op), roots, loopsEngine(2).target).program.arena;
  };

  test("changes no bit of values or gradients, eagerly or compiled", () => {
    const results = [false, true].map((again) => {
      const model = blocks();
      const loss = run(model, again, input());
      loss.backward();
      const step = compile((v: Tensor) => {
        const l = run(model, again, v);
        for (const block of model) block.zeroGrad();
        l.backward();
        return [l, ...model.flatMap((block) => block.parameters().map((p) => p.grad!))];
      });
      const eager = [loss, ...model.flatMap((block) => block.parameters().map((p) => p.grad!))];
      evaluate(eager.map((t) => t.leaf));
      return { eager: eager.map((t) => t.dataSync()), compiled: step(input()).map((t) => t.dataSync()) };
    });
    for (const way of ["eager", "compiled"] as const)
      results[0]![way].forEach((numbers, i) => expect(Buffer.compare(bytes(numbers), bytes(results[1]![way][i]!)), `${way} ${i}`).toBe(0));
  });

  test("needs much less memory on a deep chain", () => {
    const [kept, again] = [arena(false), arena(true)];
    expect(again).toBeLessThan(kept / 3);
  });

  test("drops the same units both times, goes with vmap and second derivatives", () => {
    const dropout = new nn.Dropout(0.5);
    const f = (v: Tensor): Tensor => (dropout.forward(v.sin()) as Tensor).mul(v);
    const both = (g: (v: Tensor) => Tensor): number[] => {
      seed(9);
      return numbers(grad((v: Tensor) => g(v).sum())(zeros([40]).add(0.7)));
    };
    expect(both(remat(f))).toEqual(both(f));
    const smooth = (v: Tensor): Tensor => v.sin().mul(v).exp();
    const cubed = (g: (v: Tensor) => Tensor) => (v: Tensor) => grad((u: Tensor) => g(u).sum())(v);
    expect(numbers(vmap(cubed(remat(smooth)))(tensor([[0.1, 0.2], [0.3, 0.4]])))).toEqual(numbers(vmap(cubed(smooth))(tensor([[0.1, 0.2], [0.3, 0.4]]))));
    const second = [remat(smooth), smooth].map((g) => numbers(hessian((v: Tensor) => g(v).sum())(x)));
    second[0]!.forEach((v, i) => expect(v).toBeCloseTo(second[1]![i]!, 4));
  });

  test("reaches what the function reads from outside, trained or computed", () => {
    const w = tensor([1, 2, 3], { requiresGrad: true });
    const scaled = w.mul(2);
    const f = (v: Tensor): { y: Tensor; z: Tensor } => ({ y: v.mul(scaled).mul(w), z: v });
    const { y, z } = remat(f)(x);
    expect(z).not.toBe(x);
    y.sum().backward();
    expect(numbers(w.grad!)).toEqual([2, -8, 24]);
    const nested = remat((v: Tensor) => remat((u: Tensor) => u.sin().mul(w))(v).cos());
    const plain = (v: Tensor): Tensor => v.sin().mul(w).cos();
    expect(numbers(grad((v: Tensor) => nested(v).sum())(x))).toEqual(numbers(grad((v: Tensor) => plain(v).sum())(x)));
  });

  test("keeps whole numbers and truths as they are", () => {
    expect(numbers(remat((v: Tensor) => v.greater(0))(x))).toEqual([1, 0, 1]);
    expect(() => remat((v: Tensor) => [v, 3])(x)).toThrow(/remat: the result\[1\] is number/);
  });
});

test("the derivative along a direction costs about two passes forward", () => {
  // What jvp would need rules of its own for: that it is taken by two passes backward leaves no trace in the program.
  seed(1);
  const layers = Array.from({ length: 6 }, () => normal([16, 16]));
  const f = (v: Tensor): Tensor => layers.reduce((h, w) => h.matmul(w).tanh(), v);
  const products = (roots: Tensor[]): number => {
    const nodes = roots.map((r) => r.leaf);
    const { program } = compileGraph(inOrder(nodes, (node) => node.value !== undefined || !node.op), nodes, loopsEngine(2).target);
    return program.stages.flatMap((stage) => stage.kernels).filter((kernel) => kernel.kind === "matmul").length;
  };
  const v = normal([4, 16]);
  const [value, tangent] = jvp(f, [v], [normal([4, 16])]);
  expect(products([f(v)])).toBe(6);
  expect(products([value, tangent])).toBe(12);
});
