/** Passes that only show on whole training steps: the numbers stay, the work shrinks. */
import { afterEach, describe, expect, test } from "vitest";
import { chooseEngine } from "../src/engines/choose.ts";
import type { Engine } from "../src/engines/engine.ts";
import type { Kernel, Program } from "../src/compiler/program.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { compile, nn, normal, optim, randint, seed, Tensor } from "../src/index.ts";
import { conv } from "../src/ops/conv.ts";
import { maxPool } from "../src/ops/pool.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { loopsEngine } from "./program-loops.ts";

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
