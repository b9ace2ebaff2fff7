import { afterEach, describe, expect, test } from "vitest";
import { directional, gradients } from "../src/autodiff/gradient.ts";
import { chooseEngine } from "../src/engines/choose.ts";
import type { Engine } from "../src/engines/engine.ts";
import { loadAddon } from "../src/engines/native/load.ts";
import { nativeEngine } from "../src/engines/native/engine.ts";
import { interpret } from "../src/engines/reference/interpret.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import type { Node } from "../src/graph/node.ts";
import { CambiumError, compile, grad, nn, noGrad, optim, remat, scan, seed, Tensor, tensor, uniform, valueAndGrad, zeros } from "../src/index.ts";
import type { Loop, Program } from "../src/compiler/program.ts";
import { printProgram } from "../src/compiler/print.ts";
import { conv } from "../src/ops/conv.ts";
import { maxPool } from "../src/ops/pool.ts";
import { concat as concatNodes } from "../src/ops/slice.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { numbers } from "./cases.ts";
import { loopsEngine } from "./program-loops.ts";
import { threadedEngine } from "./threads.ts";

const native = (threads: number): Engine[] => (typeof loadAddon() === "string" ? [] : [{ ...nativeEngine(threads), name: `native on ${threads}` }]);
const engines = [referenceEngine(), loopsEngine(1), loopsEngine(2), chooseEngine("wasm").engine, threadedEngine(2), threadedEngine(3), ...native(1), ...native(2), ...native(3)];

afterEach(() => setEngine(chooseEngine().engine));

const draw = numbers(5);
const filled = (shape: readonly number[], requiresGrad = false): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(Float32Array.from({ length: size }, () => draw(-1, 1)), { requiresGrad }).reshape([...shape]);
};
const leafOf = (x: Tensor): Tensor => {
  x.dataSync();
  return x;
};

/** A cell with most of what cells have: products, gates, a carry of several tensors, outer values, pieces, a whole number that counts. */
function cell(w: Tensor, u: Tensor, bias: Tensor, reverse: boolean) {
  return (xs: Tensor, h: Tensor, c: Tensor): Tensor[] => {
    const [end, ys] = scan(
      (carry: { h: Tensor; c: Tensor; n: Tensor }, x: Tensor) => {
        const z = x.matmul(w).add(carry.h.matmul(u.permute([1, 0]))).add(bias);
        const [gate, candidate] = z.split(2, 1) as [Tensor, Tensor];
        const c = gate.sigmoid().mul(carry.c).add(candidate.tanh().mul(gate.neg().sigmoid()));
        const h = c.tanh().mul(gate.relu().add(1));
        return [{ h, c, n: carry.n.add(1) }, { h, scaled: c.mul(carry.n.to("float32")).sum(1) }];
      },
      { h, c, n: zeros([]).to("int32") },
      xs,
      { reverse },
    );
    return [end.h, end.c, end.n, ys.h, ys.scaled];
  };
}

/** The same written out step by step. */
function unrolled(w: Tensor, u: Tensor, bias: Tensor, reverse: boolean) {
  return (xs: Tensor, h0: Tensor, c0: Tensor): Tensor[] => {
    const steps = xs.shape[0]!;
    let [h, c] = [h0, c0];
    const hs: Tensor[] = [];
    const sums: Tensor[] = [];
    for (let n = 0; n < steps; n++) {
      const t = reverse ? steps - 1 - n : n;
      const x = xs.slice([t], [t + 1]).squeeze(0);
      const [gate, candidate] = x.matmul(w).add(h.matmul(u.permute([1, 0]))).add(bias).split(2, 1) as [Tensor, Tensor];
      c = gate.sigmoid().mul(c).add(candidate.tanh().mul(gate.neg().sigmoid()));
      h = c.tanh().mul(gate.relu().add(1));
      hs[t] = h.expandDims(0);
      sums[t] = c.mul(n).sum(1).expandDims(0);
    }
    const stack = (list: Tensor[]): Tensor => list.reduce((a, b) => new Tensor(concatNodes([a.node, b.node])));
    return [h, c, tensor(steps).to("int32"), stack(hs), stack(sums)];
  };
}
const close = (got: ArrayLike<number>, want: ArrayLike<number>, tolerance = 2e-5): void => {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < got.length; i++) if (!(Math.abs(got[i]! - want[i]!) <= tolerance * (1 + Math.abs(want[i]!)))) expect.fail(`[${i}] is ${got[i]}, should be ${want[i]}`);
};

describe.each([false, true])("a loop (reverse: %s)", (reverse) => {
  const [w, u, bias] = [leafOf(filled([3, 8])), leafOf(filled([8, 4])), leafOf(filled([8]))];
  const [xs, h, c] = [leafOf(filled([5, 2, 3])), leafOf(filled([2, 4])), leafOf(filled([2, 4]))];
  const score = (parts: readonly Tensor[]): Tensor => parts.filter((y) => y.dtype.startsWith("float")).map((y) => y.sin().mul(y.add(0.3)).sum()).reduce((a, b) => a.add(b));
  const wrt = [0, 1, 2, 3, 4, 5] as const;
  const loss = (run: typeof cell) => (w: Tensor, u: Tensor, bias: Tensor, xs: Tensor, h: Tensor, c: Tensor): Tensor => score(run(w, u, bias, reverse)(xs, h, c));
  const args = [w, u, bias, xs, h, c] as const;

  for (const engine of engines) {
    test(`gives on ${engine.name} what it gives written out, with its gradients`, () => {
      setEngine(referenceEngine());
      const want = [...unrolled(w, u, bias, reverse)(xs, h, c), ...grad(loss(unrolled), wrt)(...args)].map((y) => [...y.dataSync()]);
      setEngine(engine);
      const got = compile((w: Tensor, u: Tensor, bias: Tensor, xs: Tensor, h: Tensor, c: Tensor) => [...cell(w, u, bias, reverse)(xs, h, c), ...grad(loss(cell), wrt)(w, u, bias, xs, h, c)])(...args);
      got.forEach((y, i) => close(y.dataSync(), want[i]!));
    });

    test(`has gradients of gradients on ${engine.name}`, () => {
      const second = (run: typeof cell) => grad((...all: Tensor[]) => score(grad(loss(run), [0, 1, 3])(...(all as unknown as typeof args))), wrt);
      setEngine(referenceEngine());
      const want = second(unrolled)(...args).map((y) => [...y.dataSync()]);
      setEngine(engine);
      second(cell)(...args).forEach((y, i) => close(y.dataSync(), want[i]!, 4e-4));
    });

    test(`has gradients of gradients on ${engine.name} that differ by rounding alone: in double precision they agree to 1e-11`, () => {
      const second = (run: typeof cell) => grad((...all: Tensor[]) => score(grad(loss(run), [0, 1, 3])(...(all as unknown as typeof args))), wrt);
      const wide = args.map((x) => tensor(x, { dtype: "float64", requiresGrad: true })) as unknown as typeof args;
      setEngine(referenceEngine());
      const want = second(unrolled)(...wide).map((y) => [...y.dataSync()]);
      setEngine(engine);
      second(cell)(...wide).forEach((y, i) => close(y.dataSync(), want[i]!, 1e-11));
    });
  }

  test("has the gradients its slopes show, to second order and along a direction", () => {
    setEngine(referenceEngine());
    const nodes = args.map((x) => x.node);
    const first = loss(cell)(...args).node;
    const slope = (node: Node, x: Node, direction: Float64Array): number => {
      const at = (by: number): number => interpret([node], new Map([[x, Float64Array.from(x.value!.host as Float32Array, (v, i) => v + by * direction[i]!)]]), { round: false })[0]![0]!;
      return (8 * (at(1e-4) - at(-1e-4)) - (at(2e-4) - at(-2e-4))) / 12e-4;
    };
    const flows = gradients(first, nodes);
    const second = score(flows.map((flow) => new Tensor(flow))).node;
    for (const node of [first, second]) {
      const found = interpret(gradients(node, nodes), undefined, { round: false });
      nodes.forEach((x, k) => {
        const direction = Float64Array.from(found[k]!, () => draw(-1, 1));
        close([found[k]!.reduce((n, flow, i) => n + flow * direction[i]!, 0)], [slope(node, x, direction)], 1e-6);
        const along = directional(node, [x], [leafOf(tensor(Float32Array.from(direction))).reshape([...x.shape]).node]);
        if (node === first) close(interpret([along], undefined, { round: false })[0]!, [slope(node, x, Float64Array.from(Float32Array.from(direction)))], 1e-6);
      });
    }
  });
});

/** The programs that are made while `f` runs. */
function programsOf(f: () => void, engine: Engine = loopsEngine(2)): Program[] {
  const made: Program[] = [];
  setEngine({ ...engine, prepare: (program) => engine.prepare(made[made.push(program) - 1]!) });
  f();
  return made;
}
const loopsIn = (program: Program): Loop[] => program.stages.flatMap((stage) => stage.kernels.flatMap((k) => (k.kind === "loop" ? [k] : [])));

const sums = (xs: Tensor, start = zeros([])): [Tensor, Tensor] => scan((total: Tensor, x: Tensor) => [total.add(x), total.add(x)], start, xs);

describe.each(engines)("on $name, a loop", (engine) => {
  test("runs once, or never", () => {
    setEngine(engine);
    expect(sums(tensor([3])).map((y) => [...y.dataSync()])).toEqual([[3], [3]]);
    expect(sums(zeros([0])).map((y) => [y.shape, [...y.dataSync()]])).toEqual([[[], [0]], [[0], []]]);
  });

  test("needs no xs, and no y", () => {
    setEngine(engine);
    const [end, none] = scan((x: Tensor) => [x.mul(2).add(1), undefined], tensor([1, 2]), undefined, { length: 6 });
    expect([...end.dataSync()]).toEqual([127, 191]);
    expect(none).toBeUndefined();
  });

  test("carries what a step leaves alone, and swaps what it swaps", () => {
    setEngine(engine);
    const [end, ys] = scan(([a, b, c]: readonly Tensor[], x: Tensor) => [[b!, a!, c!] as readonly Tensor[], [a!.mul(x), c!]], [tensor([1]), tensor([2]), tensor([5])] as readonly Tensor[], tensor([1, 10, 100]));
    expect(end.map((y) => y.dataSync()[0])).toEqual([2, 1, 5]);
    expect(ys.map((y) => [...(y as Tensor).dataSync()])).toEqual([[1, 20, 100], [5, 5, 5]]);
  });

  test("may hold a loop, and both have gradients", () => {
    setEngine(engine);
    const outer = (w: Tensor, xs: Tensor): Tensor => {
      const [end, ys] = scan(
        (h: Tensor, row: Tensor) => {
          const [inner, steps] = scan((s: Tensor, x: Tensor) => [s.mul(w).add(x).tanh(), s.mul(x)], h, row);
          return [inner.add(h), steps.sum(0)];
        },
        tensor([0.5, -0.3]).to(w.dtype),
        xs,
      );
      return end.sum().add(ys.mul(ys).sum());
    };
    const w = leafOf(tensor([0.3, 0.7]));
    const xs = leafOf(uniform([3, 4, 2]));
    const value = (w: Tensor): number => interpret([outer(w, xs).node], undefined, { round: false })[0]![0]!;
    const [byW, byX] = grad(outer, [0, 1])(w, xs);
    const second = grad((w: Tensor) => grad(outer)(w, xs).square().sum())(w);
    const shifted = (by: number, i: number): Tensor => leafOf(tensor([0.3, 0.7].map((v, k) => v + (k === i ? by : 0)), { dtype: "float64" }));
    [0, 1].forEach((i) => expect(byW.dataSync()[i]).toBeCloseTo((value(shifted(1e-4, i)) - value(shifted(-1e-4, i))) / 2e-4, 3));
    setEngine(referenceEngine());
    const want = [...grad(outer, [0, 1])(w, xs), grad((w: Tensor) => grad(outer)(w, xs).square().sum())(w)];
    [byW, byX, second].forEach((y, i) => close(y.dataSync(), want[i]!.dataSync(), 1e-4));
  });

  test("draws other random numbers at each step, the same when it is run again and on the way back", () => {
    setEngine(engine);
    const w = tensor([1, 1, 1, 1, 1, 1, 1, 1], { requiresGrad: true });
    const drop = new nn.Dropout(0.5);
    const draw = (): Tensor => scan((h: Tensor) => [h, drop.forward(w)], zeros([]), undefined, { length: 6 })[1];
    seed(4);
    const ys = draw();
    const rows = ys.arraySync() as number[][];
    expect(new Set(rows.map(String)).size).toBeGreaterThan(3);
    expect(new Set(rows.flat())).toEqual(new Set([0, 2]));
    ys.sum().backward();
    expect([...w.grad!.dataSync()]).toEqual(rows.reduce((a, b) => a.map((v, i) => v + b[i]!)));
    seed(4);
    expect(draw().arraySync()).toEqual(rows);
    expect(draw().arraySync()).not.toEqual(rows);
    const run = compile(() => draw());
    seed(4);
    expect(run().arraySync()).toEqual(rows);
    expect(run().arraySync()).not.toEqual(rows);
  });

  test("shares a mask that is drawn outside, and reads numbers anew at each run", () => {
    setEngine(engine);
    const mask = uniform([4]).less(0.5).to("float32");
    const ys = scan((h: Tensor) => [h, mask.mul(1)], zeros([]), undefined, { length: 3 })[1];
    const rows = ys.arraySync() as number[][];
    expect(rows).toEqual([rows[0], rows[0], rows[0]]);
    const times = (factor: number): number => scan((x: Tensor) => [x.mul(factor), undefined], tensor([1]), undefined, { length: 2 })[0].item();
    expect([times(0.5), times(0.25)]).toEqual([0.25, 0.0625]);
  });

  test("learns: backward, a step of the optimizer, and a value read before it stays", () => {
    setEngine(engine);
    const w = tensor([0.1], { requiresGrad: true });
    const optimizer = new optim.SGD([w], { lr: 0.05 });
    const losses: number[] = [];
    for (let i = 0; i < 40; i++) {
      const [end] = scan((x: Tensor) => [x.mul(w), undefined], tensor([1]), undefined, { length: 3 });
      const loss = end.sub(0.512).square().sum();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      losses.push(loss.item());
    }
    expect(losses[0]).toBeCloseTo(0.511 ** 2, 5);
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
  });

  test("convolves, pools and folds at each step", () => {
    setEngine(engine);
    const w = leafOf(filled([3, 3, 2, 2]));
    const run = (w: Tensor, xs: Tensor): Tensor => {
      const [end, ys] = scan((h: Tensor, x: Tensor) => {
        const next = new Tensor(conv(h.add(x).node, w.node, { padding: "same" })).tanh();
        return [next, new Tensor(maxPool(next.node, { window: [2, 2] })).mean([1, 2])];
      }, zeros([2, 4, 4, 2]), xs);
      return end.square().mean().add(ys.square().sum());
    };
    const xs = leafOf(filled([3, 2, 4, 4, 2]));
    const got = [run(w, xs), ...grad(run, [0, 1])(w, xs)].map((y) => [...y.dataSync()]);
    setEngine(referenceEngine());
    [run(w, xs), ...grad(run, [0, 1])(w, xs)].forEach((y, i) => close(got[i]!, y.dataSync()));
  });
});

test("a block that is computed again on the way back gives its gradient inside a loop too", () => {
  const slope = (again: boolean): number => {
    const step = (h: Tensor, x: Tensor, w: Tensor): Tensor => h.mul(w).add(x).tanh().mul(2);
    const block = again ? remat(step) : step;
    const total = (w: Tensor): Tensor => {
      const [end, all] = scan((h: Tensor, x: Tensor) => [block(h, x, w), block(h.mul(2), x, w)] as [Tensor, Tensor], tensor(0.5), tensor([0.1, 0.2, 0.3]));
      return end.add(all.sum());
    };
    return grad(total)(tensor(0.7)).item();
  };
  expect(slope(true)).toBe(slope(false));
  expect(slope(true)).not.toBe(0);
});

describe("the compiler", () => {
  const [w, xs] = [leafOf(filled([4, 4])), leafOf(filled([7, 2, 4]))];
  const loss = (w: Tensor, xs: Tensor): Tensor => scan((h: Tensor, x: Tensor) => { const y = h.matmul(w).add(x).tanh(); return [y, y]; }, zeros([2, 4]), xs)[1].square().sum();

  test("runs the forward loop once, and multiplies for the gradient of a weight once, after the loop", () => {
    const [program] = programsOf(() => compile((w: Tensor, xs: Tensor) => valueAndGrad(loss)(w, xs))(w, xs));
    const loops = loopsIn(program!);
    expect(loops.map(({ steps, reverse }) => [steps, reverse])).toEqual([[7, false], [7, true]]);
    expect(loops.map(({ stages }) => stages.flatMap(({ kernels }) => kernels).filter(({ kind }) => kind === "matmul").length)).toEqual([1, 1]);
    const outside = program!.stages.flatMap(({ kernels }) => kernels).filter((k) => k.kind === "matmul");
    expect(outside).toMatchObject([{ m: 4, n: 4, k: 14 }]);
  });

  test("makes a step back of an LSTM one map and one product, the gates' gradients written side by side", () => {
    const lstm = new nn.LSTM(3, 5);
    const made = programsOf(() => compile((x: Tensor) => valueAndGrad((x: Tensor) => lstm.forward(x)[0].sin().sum())(x))(filled([4, 2, 3])));
    const back = made.flatMap(loopsIn).find(({ reverse }) => reverse)!;
    expect(back.stages.flatMap(({ kernels }) => kernels.map(({ kind }) => kind))).toEqual(["map", "matmul"]);
  });

  test("stacks nothing that nobody reads", () => {
    const [program] = programsOf(() => sums(xs.sum(2).sum(1).add(0))[0].dataSync());
    expect(loopsIn(program!)[0]!.writes).toEqual([]);
  });

  test("finds a loop's program again, and makes another for another body", () => {
    const made = programsOf(() => {
      for (const f of [1, 1, 2]) scan((h: Tensor, x: Tensor) => [h.add(x), f === 1 ? h.add(x) : h.sub(x)], zeros([]), tensor([1, 2]))[1].dataSync();
    });
    expect(made.length).toBe(2);
  });

  test("prints a loop with its stages", () => {
    const [program] = programsOf(() => loss(w, xs).dataSync());
    expect(printProgram(program!)).toMatch(/loop ~\d+ns 7 steps[\s\S]*is a piece of[\s\S]*starts as[\s\S]*matmul/);
  });

  test("computes once, outside, what is the same at each step", () => {
    const [program] = programsOf(() => scan((h: Tensor, x: Tensor) => [h.matmul(w.matmul(w).exp()).add(x), undefined], zeros([2, 4]), xs)[0].dataSync());
    const [loop] = loopsIn(program!);
    expect(loop!.stages.flatMap(({ kernels }) => kernels).filter(({ kind }) => kind === "matmul").length).toBe(1);
  });

  test("puts together what flows back to a value that was cut up, instead of adding it up among zeros", () => {
    const x = leafOf(filled([4, 9]));
    const cut = (x: Tensor): Tensor => {
      const [a, b, c] = x.split([2, 4, 3], 1) as [Tensor, Tensor, Tensor];
      return a.sin().sum().add(b.exp().sum()).mul(c.sum());
    };
    let got: number[] = [];
    const [program] = programsOf(() => (got = [...grad(cut)(x).dataSync()]));
    expect(program!.stages.flatMap(({ kernels }) => kernels).filter(({ kind }) => kind === "pad")).toEqual([]);
    setEngine(referenceEngine());
    close(got, grad(cut)(x).dataSync());
  });

  test("keeps nothing for the way back where no gradient is wanted", () => {
    const [program] = programsOf(() => noGrad(() => loss(w, xs)).dataSync());
    expect(loopsIn(program!).map(({ writes }) => writes.length)).toEqual([1]);
  });
});

test("functions that scan cannot take are told why", () => {
  const x = tensor([1, 2]);
  const add = (h: Tensor, x: Tensor): [Tensor, undefined] => [h.add(x), undefined];
  const wrong = (f: () => unknown): string => {
    try {
      f();
    } catch (error) {
      if (error instanceof CambiumError) return error.message;
      throw error;
    }
    throw new Error("nothing was thrown");
  };
  expect(wrong(() => scan(add, zeros([]), tensor(3)))).toMatch(/xs holds a scalar/);
  expect(wrong(() => scan((h: readonly Tensor[], [a]: readonly Tensor[]) => [h, a!], [zeros([])] as readonly Tensor[], [x, tensor([1])] as readonly Tensor[]))).toMatch(/\[1\] has 1 pieces along axis 0; there are 2 steps/);
  expect(wrong(() => scan(add, zeros([]), x, { length: 3 }))).toMatch(/\[2\] has 2 pieces along axis 0; there are 3 steps/);
  expect(wrong(() => scan((h: Tensor) => [h, undefined], zeros([]), undefined))).toMatch(/without xs it is not known how many steps/);
  expect(wrong(() => scan((h: Tensor) => [h, undefined], zeros([]), undefined, { length: -1 }))).toMatch(/length is a whole number from 0, got -1/);
  expect(wrong(() => scan((h: Tensor) => [h.add(x), undefined], zeros([]), x))).toMatch(/the carry is \[\] at the start and \[2\] after a step/);
  expect(wrong(() => scan((h: Tensor) => [h.to("int32"), undefined], zeros([]), x))).toMatch(/float32 at the start and int32 after a step[\s\S]*cast it: \.to\("float32"\)/);
  expect(wrong(() => scan((h: Tensor) => h as never, zeros([]), x))).toMatch(/must return \[carry, y\]/);
  expect(wrong(() => scan((() => [undefined, undefined]) as never, zeros([]), x))).toMatch(/is a tensor at the start and undefined after a step/);
  const state = tensor([1]);
  state.dataSync();
  expect(wrong(() => scan((h: Tensor) => { state.assign(h.reshape([1])); return [h, undefined]; }, zeros([]), x))).toMatch(/changes a tensor of shape \[1\] from outside[\s\S]*part of the carry/);
  const w = tensor([1], { requiresGrad: true });
  expect(wrong(() => scan((h: Tensor) => { w.sum().backward(); return [h, undefined]; }, zeros([]), x))).toMatch(/backward\(\) inside/);
});
