/** Functions of one example as functions of many: what goes in, what comes out, and what goes around and inside. */
import { describe, expect, test } from "vitest";
import { compile, functionalCall, grad, hessian, jvp, nn, normal, parametersOf, scan, seed, stack, tensor, type Tensor, uniform, vmap, zeros } from "../src/index.ts";

const numbers = (x: Tensor): number[] => [...x.dataSync()];
const rows = tensor([[1, 2], [3, 4], [5, 6]]);

describe("vmap", () => {
  test("does for each example what the function does for one", () => {
    const dot = (a: Tensor, b: Tensor): Tensor => a.mul(b).sum();
    expect(numbers(vmap(dot)(rows, rows))).toEqual([5, 25, 61]);
    expect(numbers(vmap(dot, { inAxes: [0, null] })(rows, tensor([1, 10])))).toEqual([21, 43, 65]);
    expect(numbers(vmap(dot, { inAxes: 1 })(rows, rows))).toEqual([35, 56]);
    expect(numbers(vmap(dot, { inAxes: [-1, 0] })(rows, rows.transpose()))).toEqual([35, 56]);
  });

  test("puts the examples where outAxes says", () => {
    const twice = (x: Tensor): Tensor => stack([x, x.mul(2)]);
    expect(vmap(twice)(rows).shape).toEqual([3, 2, 2]);
    const last = vmap(twice, { outAxes: -1 })(rows);
    expect([last.shape, numbers(last)]).toEqual([[2, 2, 3], [1, 3, 5, 2, 4, 6, 2, 6, 10, 4, 8, 12]]);
  });

  test("takes and gives lists and records, each part with an axis of its own", () => {
    const f = ({ w, b }: { w: Tensor; b: Tensor }, [x]: [Tensor]): { y: Tensor; both: [Tensor, Tensor]; fixed: Tensor } => ({ y: x.mul(w).add(b), both: [x, b], fixed: w });
    const { y, both, fixed } = vmap(f, { inAxes: [{ w: null, b: 0 }, 0], outAxes: { y: 1, both: [0, 0], fixed: null } })(
      { w: tensor([1, 10]), b: tensor([0, 1, 2]) },
      [rows],
    );
    expect([y.shape, numbers(y)]).toEqual([[2, 3], [1, 4, 7, 20, 41, 62]]);
    expect(both.map((t) => t.shape)).toEqual([[3, 2], [3]]);
    expect(numbers(fixed)).toEqual([1, 10]);
  });

  test("hands other arguments on, and writes out what is the same for all", () => {
    const f = (x: Tensor, power: number): [Tensor, Tensor] => [x.pow(power), tensor([7])];
    const [y, same] = vmap(f, { inAxes: [0, null] })(rows, 2);
    expect(numbers(y)).toEqual([1, 4, 9, 16, 25, 36]);
    expect([same.shape, numbers(same)]).toEqual([[3, 1], [7, 7, 7]]);
  });

  test("reads tensors from outside, computed or not", () => {
    const [known, lazy] = [tensor([1, 1]), tensor([2, 3]).mul(2)];
    expect(numbers(vmap((x: Tensor) => x.mul(lazy).add(known).sum())(rows))).toEqual([18, 38, 58]);
  });

  test("nests", () => {
    const distance = (a: Tensor, b: Tensor): Tensor => a.sub(b).square().sum();
    const all = vmap(vmap(distance, { inAxes: [null, 0] }), { inAxes: [0, null] })(rows, rows);
    expect([all.shape, numbers(all)]).toEqual([[3, 3], [0, 8, 32, 8, 0, 8, 32, 8, 0]]);
    const deep = vmap(vmap(vmap((x: Tensor) => x.mul(2).sum())))(zeros([2, 3, 4, 5]).add(1));
    expect([deep.shape, numbers(deep)[0]]).toEqual([[2, 3, 4], 10]);
  });

  test("goes around grad, and inside it", () => {
    const f = (w: Tensor, x: Tensor): Tensor => w.mul(x).sin().sum();
    const w = tensor([0.5, -1]);
    const each = vmap(grad(f), { inAxes: [null, 0] })(w, rows);
    const total = grad((v: Tensor) => vmap(f, { inAxes: [null, 0] })(v, rows).sum())(w);
    const loop = [0, 1, 2].map((i) => grad(f)(w, rows.slice([i], [i + 1]).squeeze(0)));
    expect(each.shape).toEqual([3, 2]);
    loop.forEach((g, i) => numbers(g).forEach((v, j) => expect(numbers(each)[2 * i + j]).toBeCloseTo(v, 6)));
    numbers(total).forEach((v, j) => expect(v).toBeCloseTo(numbers(each.sum(0))[j]!, 5));
  });

  test("goes around jvp and hessian", () => {
    const f = (x: Tensor): Tensor => x.pow(3).sum();
    const h = vmap(hessian(f))(rows);
    expect([h.shape, numbers(h)]).toEqual([[3, 2, 2], [6, 0, 0, 12, 18, 0, 0, 24, 30, 0, 0, 36]]);
    const [, along] = vmap((x: Tensor, t: Tensor) => jvp(f, [x], [t]))(rows, zeros([3, 2]).add(1));
    expect(numbers(along)).toEqual([15, 75, 183]);
  });

  test("goes around compiled functions and inside them; so does grad", () => {
    const f = compile((x: Tensor) => x.square().sum());
    expect(numbers(vmap(f)(rows))).toEqual([5, 25, 61]);
    const g = compile((x: Tensor) => vmap((r: Tensor) => r.square().sum())(x));
    expect([numbers(g(rows)), numbers(g(rows.mul(2)))]).toEqual([[5, 25, 61], [20, 100, 244]]);
    expect(numbers(grad(f)(tensor([3])))).toEqual([6]);
    expect(numbers(vmap(grad(compile((x: Tensor) => f(x).mul(2))))(rows))).toEqual([4, 8, 12, 16, 20, 24]);
  });

  test("makes of one vector times a matrix a single product of matrices", () => {
    const w = zeros([2, 4]);
    const y = vmap((x: Tensor) => x.matmul(w))(rows);
    expect([y.node.op!.name, y.node.inputs.map((x) => x.shape)]).toEqual(["matmul", [[3, 2], [2, 4]]]);
  });

  test("lets gradients flow to trained tensors outside", () => {
    const w = tensor([1, 2], { requiresGrad: true });
    vmap((x: Tensor) => x.mul(w).sum())(rows).sum().backward();
    expect(numbers(w.grad!)).toEqual([9, 12]);
  });

  test("draws random numbers only when told how", () => {
    const noisy = (x: Tensor): Tensor => x.add(uniform([2]));
    expect(() => vmap(noisy)(rows)).toThrow(/vmap: the function draws random numbers[\s\S]*randomness: "different"/);
    const added = (randomness: "same" | "different"): number[] => {
      seed(1);
      return numbers(vmap(noisy, { randomness })(zeros([3, 2])));
    };
    const [same, different] = [added("same"), added("different")];
    expect(same.slice(0, 2)).toEqual(same.slice(4));
    expect(new Set(different).size).toBe(6);
    expect(different).toEqual(added("different"));
    // What was drawn before is a tensor like any other.
    const before = normal([2]);
    expect(numbers(vmap((x: Tensor) => x.mul(0).add(before))(rows)).slice(0, 2)).toEqual(numbers(before));
  });

  test("drops other units in each example, and goes back through the same", () => {
    const dropout = new nn.Dropout(0.5);
    const x = zeros([4, 50]).add(1);
    seed(3);
    const y = vmap((r: Tensor) => dropout.forward(r) as Tensor, { randomness: "different" })(x);
    const masks = [0, 1, 2, 3].map((i) => numbers(y).slice(50 * i, 50 * i + 50).join());
    expect(new Set(masks).size).toBe(4);
    seed(3);
    const slopes = vmap(grad((r: Tensor) => (dropout.forward(r) as Tensor).sum()), { randomness: "different" })(x);
    expect(numbers(slopes)).toEqual(numbers(y));
  });

  test("gives each example its own gradient of a model", () => {
    seed(0);
    const model = new nn.Sequential(new nn.Linear(2, 5), new nn.Tanh(), new nn.Linear(5, 1));
    const loss = (p: Record<string, Tensor>, x: Tensor, y: Tensor): Tensor => (functionalCall(model, p, x) as Tensor).sub(y).square().sum();
    const y = tensor([1, 2, 3]);
    const each = vmap(grad(loss), { inAxes: [null, 0, 0] })(parametersOf(model), rows, y);
    expect(Object.entries(each).map(([path, t]) => [path, t.shape])).toEqual([["0.weight", [3, 5, 2]], ["0.bias", [3, 5]], ["2.weight", [3, 1, 5]], ["2.bias", [3, 1]]]);
    for (let i = 0; i < 3; i++) {
      model.zeroGrad();
      loss(parametersOf(model), rows.slice([i], [i + 1]).squeeze(0), y.slice([i], [i + 1])).backward();
      for (const [path, p] of model.namedParameters()) {
        const mine = numbers(each[path]!).slice(i * p.size, (i + 1) * p.size);
        numbers(p.grad!).forEach((v, k) => expect(mine[k]).toBeCloseTo(v, 5));
      }
    }
  });

  test("says what does not fit", () => {
    const f = (a: Tensor, b: Tensor): Tensor => a.add(b);
    expect(() => vmap(f)(rows, tensor([1, 2]))).toThrow(/argument 0 has 3 examples, argument 1 is \[2\] with 2 along axis 0/);
    expect(() => vmap(f, { inAxes: [0] })(rows, rows)).toThrow(/inAxes has 1 entries, the function got 2 arguments/);
    expect(() => vmap(f, { inAxes: null })(rows, rows)).toThrow(/no argument has examples/);
    expect(() => vmap(f, { inAxes: [5, 0] })(rows, rows)).toThrow(/vmap: argument 0: axis 5 does not exist/);
    expect(() => vmap(f, { inAxes: [[0], 0] })(rows, rows)).toThrow(/argument 0 has no axis that fits it: \[0\]/);
    expect(() => vmap((x: Tensor) => x, { outAxes: null })(rows)).toThrow(/the result differs from example to example, but its outAxes is null/);
    expect(() => vmap((x: any) => x)(3)).toThrow(/argument 0 is number; it must be a tensor/);
    expect(() => vmap((x: Tensor) => ({ x, n: 3 }))(rows)).toThrow(/the result.n is number/);
    expect(() => vmap((x: Tensor) => x.mul(x.sum().item()))(rows)).toThrow(/stands for an input of a compiled function, or for one of many examples/);
  });

  test("refuses what would leave something of one example outside", () => {
    const w = tensor([1, 2], { requiresGrad: true });
    const backward = (x: Tensor): Tensor => {
      const loss = x.mul(w).sum();
      loss.backward();
      return loss;
    };
    expect(() => vmap(backward)(rows)).toThrow(/backward\(\) inside would leave one gradient for many examples[\s\S]*vmap\(grad\(f\)\)/);
    expect(w.grad).toBeUndefined();
    const kept = tensor([0, 0]);
    const changing = (next: (x: Tensor) => Tensor) => (x: Tensor): Tensor => {
      kept.assign(next(x));
      return x;
    };
    expect(() => vmap(changing((x) => x))(rows)).toThrow(/changes a tensor of shape \[2\] from outside/);
    expect(numbers(kept)).toEqual([0, 0]);
    vmap(changing(() => kept.add(1)))(rows);
    expect(numbers(kept)).toEqual([1, 1]);
  });
});

describe("loops under vmap", () => {
  seed(2);
  const [w, b] = [uniform([3, 3], -0.5, 0.5), uniform([3])];
  const f = (x: Tensor, start: Tensor, w: Tensor): Tensor => {
    const step = (carry: Tensor, piece: Tensor): [Tensor, Tensor] => {
      const next = carry.matmul(w).add(piece).tanh();
      return [next, next.mul(b)];
    };
    const [end, ys] = scan(step, start, x);
    return end.sum().add(ys.square().sum());
  };
  const [xs, starts, weights] = [uniform([4, 5, 3]), uniform([4, 3]), uniform([4, 3, 3], -0.5, 0.5)];
  const one = (all: Tensor, i: number): Tensor => all.slice([i], [i + 1]).squeeze(0);
  const expectEach = (together: Tensor, alone: (i: number) => Tensor): void => {
    const want = numbers(stack([0, 1, 2, 3].map(alone)));
    numbers(together).forEach((x, i) => expect(x).toBeCloseTo(want[i]!, 5));
    expect(together.size).toBe(want.length);
  };

  test("give what they give one by one, whichever of pieces, start and outer values vary", () => {
    expectEach(vmap((x: Tensor, h: Tensor) => f(x, h, w))(xs, starts), (i) => f(one(xs, i), one(starts, i), w));
    expectEach(vmap((x: Tensor) => f(x, one(starts, 1), w))(xs), (i) => f(one(xs, i), one(starts, 1), w));
    expectEach(vmap((h: Tensor) => f(one(xs, 2), h, w))(starts), (i) => f(one(xs, 2), one(starts, i), w));
    expectEach(vmap((w: Tensor) => f(one(xs, 2), one(starts, 0), w))(weights), (i) => f(one(xs, 2), one(starts, 0), one(weights, i)));
  });

  test("have a gradient for each example", () => {
    const slope = grad((w: Tensor, x: Tensor, h: Tensor) => f(x, h, w));
    expectEach(vmap(slope, { inAxes: [null, 0, 0] })(w, xs, starts), (i) => slope(w, one(xs, i), one(starts, i)));
  });
});

describe("tensors drawn before, and not yet computed,", () => {
  test("stay what they are in compiled functions, loops and vmap, whatever the seed is set to meanwhile", () => {
    seed(2);
    uniform([2]);
    const noise = uniform([3]);
    seed(1);
    const plus = compile((x: Tensor) => x.add(noise));
    const zero = zeros([3]);
    const [first, second] = [numbers(plus(zero)), numbers(plus(zero))];
    const [end] = scan((c: Tensor, x: Tensor): [Tensor, Tensor] => [c.add(noise.mul(x)), c], zero, tensor([1, 1, 1, 1]));
    const many = vmap((x: Tensor) => x.add(noise))(zeros([2, 3]));
    const [looped, batched] = [numbers(end), numbers(many)];
    const plain = numbers(noise);
    expect([first, second]).toEqual([plain, plain]);
    expect(batched).toEqual([...plain, ...plain]);
    looped.forEach((x, i) => expect(x).toBeCloseTo(4 * plain[i]!, 5));
  });
});

describe("functionalCall", () => {
  test("leaves the module as it was, and says what does not fit", () => {
    const model = new nn.Linear(2, 1);
    const before = numbers(model.weight);
    expect(numbers(functionalCall(model, { weight: tensor([[1, 1]]), bias: tensor([5]) }, tensor([[2, 3]])) as Tensor)).toEqual([10]);
    expect(numbers(model.weight)).toEqual(before);
    expect(() => functionalCall(model, { wieght: tensor([[1, 1]]) }, rows)).toThrow(/Linear has no parameter or buffer "wieght"[\s\S]*weight/);
    expect(() => functionalCall(model, { weight: tensor([1, 1]) }, rows)).toThrow(/"weight" is \[1, 2\], \[2\] is given/);
  });
});
