/** Passes that only show on whole training steps: the numbers stay, the work shrinks. */
import { afterEach, describe, expect, test } from "vitest";
import { chooseEngine } from "../src/engines/choose.ts";
import type { Engine } from "../src/engines/engine.ts";
import type { Kernel, Program } from "../src/compiler/program.ts";
import { nativeEngine } from "../src/engines/native/engine.ts";
import { loadAddon } from "../src/engines/native/load.ts";
import { wasmEngine } from "../src/engines/wasm/engine.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { compile, nn, normal, optim, randint, seed, Tensor } from "../src/index.ts";
import { conv } from "../src/ops/conv.ts";
import { maxPool } from "../src/ops/pool.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { loopsEngine } from "./program-loops.ts";
import { threadedEngine } from "./threads.ts";

class Net extends nn.Module {
  first = new nn.Conv2d(1, 4, 3);
  norm = new nn.BatchNorm2d(4);
  second = new nn.Conv2d(4, 6, 3, { padding: 1 });
  pool = new nn.MaxPool2d(2);
  last = new nn.Linear(6 * 2 * 2, 3);
  normed: boolean;

  constructor(normed: boolean) {
    super();
    this.normed = normed;
  }

  forward(x: Tensor): Tensor {
    let h = this.first.forward(x);
    if (this.normed) h = this.norm.forward(h);
    h = this.pool.forward(h.relu());
    h = this.pool.forward(this.second.forward(h).add(h.mean(1, { keep: true })).relu());
    return this.last.forward(h.flatten(1));
  }
}

/** The losses of a few training steps, and the largest program they ran. */
function train(engine: Engine, normed: boolean): { losses: number[]; program: Program } {
  let program: Program | undefined;
  setEngine({
    ...engine,
    prepare: (p) => {
      if (!program || p.stages.length > program.stages.length) program = p;
      return engine.prepare(p);
    },
  });
  seed(3);
  const model = new Net(normed);
  const criterion = new nn.CrossEntropyLoss();
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 });
  const x = normal([4, 1, 13, 13]);
  const y = randint([4], 0, 3);
  const step = compile((x: Tensor, y: Tensor) => {
    const loss = criterion.forward(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  });
  const losses = [0, 1, 2, 3].map(() => step(x, y).item());
  return { losses, program: program! };
}

const kernels = (program: Program): Kernel[] => program.stages.flatMap((stage) => stage.kernels);

afterEach(() => setEngine(chooseEngine().engine));

describe.each([false, true])("a channels-first network (batch norm: %s)", (normed) => {
  test("learns what the reference learns", () => {
    const want = train(referenceEngine(), normed).losses;
    train(threadedEngine(2), normed).losses.forEach((x, i) => expect(x).toBeCloseTo(want[i]!, 5));
    const got = train(loopsEngine(2), normed).losses;
    got.forEach((loss, i) => expect(loss).toBeCloseTo(want[i]!, 4));
    expect(want[3]!).toBeLessThan(want[0]!);
  });
});

test("between channels-first layers nothing is permuted", () => {
  const { program } = train(loopsEngine(2), false);
  // A map that only moves: one load, one store, nothing done. What is left are kernels of convolutions, and what flattening reads.
  const moves = kernels(program).filter((k) => k.kind === "map" && k.body.code.length === 0 && k.body.loads.length === 1 && k.dims.reduce((a, b) => a * b, 1) > 4 * 6 * 9 * 4);
  expect(moves).toEqual([]);
});

test("a row that no window reads is not computed, and the activation comes after pooling", () => {
  const { program } = train(loopsEngine(2), false);
  const convs = kernels(program).filter((k) => k.kind === "conv");
  // 13 → 11 → pooled to 5, of which the second pooling reads 4; with padding 1 that takes 5 of the 5, so 10 of the 11.
  expect(convs[0]).toMatchObject({ geometry: { output: [10, 10] } });
  const pools = kernels(program).filter((k) => k.kind === "pool");
  expect(pools.every((k) => k.kind === "pool" && k.finish.code.some(({ op }) => op === "relu"))).toBe(true);
});

test("a sum that each thread keeps for itself is added up before a product or a gather reads it", () => {
  const x = normal([64, 6, 5]);
  const w = normal([5, 3]);
  x.dataSync();
  w.dataSync();
  const both = (): number[] => [...x.sum([0, 1], { keep: true }).reshape([1, 5]).matmul(w).dataSync(), ...x.square().sum([0, 1]).gather(randint([4], 0, 5)).dataSync()];
  const run = (engine: Engine): number[] => {
    setEngine(engine);
    seed(1);
    return both();
  };
  const want = run(referenceEngine());
  for (const engine of [loopsEngine(2), chooseEngine().engine]) run(engine).forEach((v, i) => expect(v).toBeCloseTo(want[i]!, 3));
});

test("a transposed convolution before a pooling that does not read its border trains as the reference does", () => {
  const run = (engine: Engine): number[] => {
    setEngine(engine);
    seed(2);
    const [x, w] = [normal([2, 4, 4, 2]), normal([3, 3, 2, 3])];
    w.requiresGrad = true;
    const y = new Tensor(maxPool(conv(x.node, w.node, { inputDilation: 2, stride: 2, padding: 2 }), { window: 2 }));
    y.square().sum().backward();
    return [...w.grad!.dataSync()];
  };
  const want = run(referenceEngine());
  for (const engine of [loopsEngine(2), chooseEngine().engine]) run(engine).forEach((v, i) => expect(v).toBeCloseTo(want[i]!, 3));
});

test("updates that do not need each other share a stage, small ones beside large ones", () => {
  const programs: Program[] = [];
  const engine = loopsEngine(2);
  setEngine({ ...engine, prepare: (p) => engine.prepare(programs[programs.push(p) - 1]!) });
  seed(4);
  const model = new nn.Sequential(new nn.Linear(300, 128), new nn.ReLU(), new nn.Linear(128, 10));
  const optimizer = new optim.Adam(model.parameters());
  const step = compile((x: Tensor, y: Tensor) => {
    const loss = new nn.CrossEntropyLoss().forward(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  });
  step(normal([32, 300]), randint([32], 0, 10)).item();
  // The first product; what only a few numbers pass through; then all four updates at once.
  const { stages } = programs.find((p) => p.outputs.length > 12)!;
  expect(stages.map((s) => s.serial)).toEqual([false, true, false]);
  const last = stages[2]!;
  // Weights lie as [out, in], and their gradients come out of the products that way.
  expect(last.kernels.flatMap((k) => (k.kind === "matmul" ? [[k.m, k.k, k.n]] : []))).toEqual([
    [128, 32, 300],
    [10, 32, 128],
  ]);
  expect(last.kernels.filter((k) => k.kind === "reduce")).toHaveLength(2);
  expect(last.owners!.filter((owner) => owner < 0)).toHaveLength(1);
  expect(new Set(last.owners)).toEqual(new Set([-1, 0, 1]));
});

/** `x` with its axes in another order, by counting. */
function reordered(x: Tensor, order: readonly number[]): number[] {
  const from = x.dataSync();
  const steps = x.shape.map((_, i) => x.shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const shape = order.map((axis) => x.shape[axis]!);
  return Array.from({ length: x.size }, (_, at) => {
    let place = 0;
    let rest = at;
    for (let i = shape.length - 1; i >= 0; i--) {
      place += (rest % shape[i]!) * steps[order[i]!]!;
      rest = Math.floor(rest / shape[i]!);
    }
    return from[place]!;
  });
}

describe.each([1, 2])("axes put in another order on %s threads", (threads) => {
  const engines = (): Engine[] => [loopsEngine(threads), threads === 1 ? (wasmEngine() as Engine) : threadedEngine(threads), ...(typeof loadAddon() === "string" ? [] : [nativeEngine(threads)])];
  const cases: [shape: number[], order: number[]][] = [
    [[70, 67], [1, 0]],
    [[37, 19, 3, 3], [2, 3, 1, 0]],
    [[37, 19, 3, 3], [2, 3, 0, 1]],
    [[64, 32, 5], [2, 1, 0]],
    [[9, 41, 17], [1, 2, 0]],
    [[5, 33, 7, 6], [3, 0, 2, 1]],
    [[4100, 3], [1, 0]],
  ];

  test.each(cases)("%j as %j is the same copy, backwards too, and beside what lies in order", (shape, order) => {
    for (const engine of engines()) {
      setEngine(engine);
      seed(5);
      const [x, y] = [normal(shape), normal(order.map((axis) => shape[axis]!))];
      const want = reordered(x, order);
      expect([...x.permute(order).dataSync()]).toEqual(want);
      const flipped = x.flip([0]);
      const back = flipped.permute(order).dataSync();
      flipped.dataSync();
      expect([...back]).toEqual(reordered(flipped, order));
      const sum = y.mul(2).add(x.permute(order)).dataSync();
      y.dataSync().forEach((v, i) => expect(sum[i]).toBeCloseTo(2 * v + want[i]!, 5));
    }
  });
});

test("weights larger than the cache are read for many samples at once, and maps that are done with make room", () => {
  const programs: Program[] = [];
  const engine = { ...loopsEngine(1), target: { plain: false, threads: 1, cache: 16 * 1024 } };
  setEngine({ ...engine, prepare: (p) => engine.prepare(programs[programs.push(p) - 1]!) });
  seed(6);
  const layer = (): nn.Conv2d => new nn.Conv2d(24, 24, 3, { padding: 1 });
  const model = new nn.Sequential(layer(), new nn.ReLU(), layer(), new nn.ReLU(), layer(), new nn.ReLU(), layer(), new nn.ReLU(), layer());
  model.forward(normal([32, 24, 6, 6])).dataSync();
  const program = programs.find((p) => p.stages.some((s) => s.kernels.filter((k) => k.kind === "conv").length === 5))!;
  const stage = program.stages.find((s) => s.kernels.some((k) => k.kind === "conv"))!;
  // Five weights of 20736 bytes; six maps of 3456, of which no more than three are in use at one time. The cache alone would hold one sample.
  expect(stage.chunk).toBe(Math.ceil((5 * 20736) / (3 * 3456)));
  expect(program.local).toBe(3 * 3456 * stage.chunk);
});
