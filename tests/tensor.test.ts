import { describe, expect, test } from "vitest";
import { compile, CambiumError, fromArray, grad, jvp, noGrad, normal, seed, tensor, type Tensor, uniform, valueAndGrad, vjp, zeros } from "../src/index.ts";

describe("a tensor", () => {
  test("takes nested arrays, typed arrays, booleans and single numbers", () => {
    expect(tensor([[1, 2], [3, 4]]).arraySync()).toEqual([[1, 2], [3, 4]]);
    expect(tensor(new Uint8Array([1, 2])).dtype).toBe("uint8");
    expect(tensor([true, false]).arraySync()).toEqual([true, false]);
    expect(tensor(3).shape).toEqual([]);
    expect(tensor([1.7, -1.7], { dtype: "int32" }).arraySync()).toEqual([1, -1]);
  });

  test("says where arrays are ragged", () => {
    expect(() => tensor([[1, 2], [3]])).toThrow(/ragged.*length 2.*length 1/);
    expect(() => tensor([1, "a" as unknown as number])).toThrow(/expected numbers, found string "a"/);
  });

  test("names both shapes of a product that does not fit, and sees the transposed operand", () => {
    expect(() => zeros([2, 3]).matmul(zeros([2, 3]))).toThrow(/\[2, 3\].*\[2, 3\]/);
    expect(() => zeros([2, 3]).matmul(zeros([4, 3]))).toThrow(/hint: b looks transposed/);
    expect(() => zeros([2, 2]).matmul(zeros([2, 2], { dtype: "float64" }))).toThrow(CambiumError);
  });

  test("prints as people read it", () => {
    expect(String(tensor([[1, 2.5], [-3, 4]]))).toBe("tensor([[ 1.0000,  2.5000],\n        [-3.0000,  4.0000]])");
    expect(String(tensor([1, 2], { dtype: "int32" }))).toBe("tensor([1, 2], dtype: int32)");
  });

  test("is refused as a single number when it is many", () => {
    expect(() => zeros([2]).item()).toThrow(/holds 2 numbers/);
    expect(() => zeros([2], { requiresGrad: true }).backward()).toThrow(/only a single number/);
    expect(() => zeros([]).backward()).toThrow(/requiresGrad/);
  });
});

describe("backward", () => {
  test("over several small batches computes each batch's gradients before the next, unless both share work", () => {
    const w = tensor([1, 2], { requiresGrad: true });
    w.mul(3).sin().sum().backward();
    const first = w.grad!;
    expect(first.node.value).toBeUndefined();
    w.mul(2).sum().backward();
    expect(first.node.value).toBeDefined();
    expect([...w.grad!.dataSync()].map((v) => v.toFixed(4))).toEqual([3 * Math.cos(3) + 2, 3 * Math.cos(6) + 2].map((v) => v.toFixed(4)));
    w.grad = undefined;
    const shared = w.mul(3);
    shared.square().sum().backward();
    const second = w.grad! as Tensor;
    shared.sum().backward();
    expect(second.node.value).toBeUndefined();
    expect([...w.grad!.dataSync()]).toEqual([21, 39]);
  });

  test("does not flow through what was detached before it was computed", () => {
    const w = tensor([3], { requiresGrad: true });
    w.mul(2).detach().mul(w).sum().backward();
    expect([...w.grad!.dataSync()]).toEqual([6]);
  });

  test("adds to what an earlier backward left", () => {
    const x = tensor([3], { requiresGrad: true });
    x.square().sum().backward();
    x.square().sum().backward();
    expect(x.grad!.item()).toBe(12);
  });

  test("works after the loss has been read", () => {
    const x = tensor([3], { requiresGrad: true });
    const loss = x.square().sum();
    expect(loss.item()).toBe(9);
    loss.backward();
    expect(x.grad!.item()).toBe(6);
  });
});

describe("an update", () => {
  test("does not change a loss or a prediction made before it", () => {
    const w = tensor([2], { requiresGrad: true });
    const early = w.mul(10);
    const loss = w.square().sum();
    loss.backward();
    w.assign(w.sub(w.grad!.mul(0.5)));
    expect(w.item()).toBe(0);
    expect(loss.item()).toBe(4);
    expect(early.item()).toBe(20);
  });

  test("inside a compiled function overwrites nothing that somebody still reads", () => {
    const w = tensor([1], { requiresGrad: true });
    const step = compile((x: Tensor) => {
      w.assign(w.add(x));
      return w.mul(2);
    });
    const kept = w.mul(100);
    const numbers = w.dataSync();
    step(tensor([1]));
    expect(kept.item()).toBe(100);
    expect(numbers[0]).toBe(1);
    const later = w.mul(1);
    expect(step(tensor([1])).item()).toBe(6);
    expect(later.item()).toBe(2);
    expect(w.item()).toBe(3);
  });

  test("leaves alone the tensor that was assigned", () => {
    const w = tensor([1], { requiresGrad: true });
    const next = w.add(1);
    w.assign(next);
    compile(() => {
      w.assign(w.mul(10));
      return w.mul(1);
    })();
    expect([w.item(), next.item()]).toEqual([20, 2]);
  });

  test("that needs the new value of another and the old value of itself happens in the right order", () => {
    const a = tensor([1], { requiresGrad: true });
    const b = tensor([10], { requiresGrad: true });
    const swap = compile(() => {
      const [x, y] = [a.mul(1), b.mul(1)];
      a.assign(y);
      b.assign(x.add(y));
      return a.add(b);
    });
    const seen: number[] = [];
    for (let i = 0; i < 3; i++) {
      swap();
      seen.push(a.item(), b.item());
    }
    expect(seen).toEqual([10, 11, 11, 21, 21, 32]);
    const run = compile(() => {
      const [x, y] = [a.mul(1), b.mul(1)];
      a.assign(y);
      b.assign(x.add(y));
      return a.mul(0);
    });
    run();
    run();
    run();
    expect([a.item(), b.item()]).toEqual([85, 138]);
  });
});

describe("a compiled function", () => {
  test("draws new random numbers at each run, the same that uncompiled code would draw", () => {
    seed(5);
    const f = compile((x: Tensor) => x.add(uniform([3])));
    const compiled = [f(zeros([3])).arraySync(), f(zeros([3])).arraySync()];
    seed(5);
    const plain = [uniform([3]).arraySync(), uniform([3]).arraySync()];
    expect(compiled[0]).not.toEqual(compiled[1]);
    seed(5);
    uniform([3]);
    expect(compiled[1]).toEqual(uniform([3]).arraySync().valueOf());
    expect(plain[1]).toEqual(compiled[1]);
  });

  test("is traced again for other shapes", () => {
    let traces = 0;
    const f = compile((x: Tensor) => {
      traces++;
      return x.sum();
    });
    expect([f(tensor([1, 2])).item(), f(tensor([3, 4])).item(), f(tensor([1, 2, 3])).item()]).toEqual([3, 7, 6]);
    expect(traces).toBe(2);
  });

  test("says so when its inputs are read while it is traced", () => {
    expect(() => compile((x: Tensor) => x.mul(x.item()))(tensor([1]))).toThrow(/stands for an input of a compiled function/);
  });
});

describe("functional derivatives", () => {
  const f = (x: Tensor): Tensor => x.pow(3).sum();
  test("nest", () => {
    const third = grad((x: Tensor) => grad((y: Tensor) => grad(f)(y).sum())(x).sum());
    expect(third(tensor([2])).item()).toBeCloseTo(6, 5);
  });

  test("give values and gradients of chosen arguments", () => {
    const [value, [dx, dy]] = valueAndGrad((x: Tensor, y: Tensor) => x.mul(y).sum(), [0, 1])(tensor([2]), tensor([5]));
    expect([value.item(), dx!.item(), dy!.item()]).toEqual([10, 5, 2]);
  });

  test("go forward and back: the products agree", () => {
    seed(1);
    const x = normal([4]);
    const g = (x: Tensor): Tensor => x.sin().mul(x);
    const t = normal([4]);
    const d = normal([4]);
    const [, forward] = jvp(g, [x], [t]);
    const [, back] = vjp(g, x);
    expect(forward.mul(d).sum().item()).toBeCloseTo(back(d)[0]!.mul(t).sum().item(), 5);
  });

  test("noGrad cuts gradients off", () => {
    const w = tensor([1], { requiresGrad: true });
    const y = noGrad(() => w.mul(2));
    expect(y.requiresGrad).toBe(false);
    expect(() => y.sum().backward()).toThrow(/requiresGrad/);
  });
});

test("numbers given to fromArray must fill the shape", () => {
  expect(() => fromArray(new Float32Array(5), [2, 3])).toThrow(/\[2, 3\] holds 6 numbers, the array has 5/);
});
