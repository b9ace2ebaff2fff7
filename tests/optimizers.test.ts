import { beforeAll, describe, expect, test } from "vitest";
import { compile as compileGraph } from "../src/compiler/compile.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { inOrder } from "../src/graph/walk.ts";
import { MSELoss } from "../src/losses/modules.ts";
import { sequential } from "../src/models/sequential.ts";
import { dense } from "../src/layers/dense.ts";
import * as nn from "../src/nn/index.ts";
import * as optim from "../src/optim/index.ts";
import { optimizers } from "../src/optim/keras.ts";
import { compile } from "../src/tensor/compile.ts";
import { tensor, zeros } from "../src/tensor/create.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { normal, seed } from "../src/tensor/random.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { traced } from "../src/tensor/trace.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

beforeAll(() => setEngine(referenceEngine()));

const matrix = (dtype: "float32" | "float64" = "float32"): Tensor =>
  tensor([[1, -2, 3], [0.5, 0.25, -1]], { dtype, requiresGrad: true });

type Make = (parameters: Tensor[]) => { zeroGrad(): void; step(): void };
const torch: Record<string, Make> = Object.fromEntries(
  (["Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "ASGD", "Muon", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD"] as const).map((name) => [name, (p) => new optim[name](p, { lr: 0.1 })]),
);
const keras: Record<string, Make> = Object.fromEntries(
  Object.entries(optimizers).flatMap(([name, make]) => (typeof make === "function" && name !== "lossScaleOptimizer" ? [[name, (p: Tensor[]) => (make as typeof optimizers.sgd)({ learningRate: 0.1 }).bind(p.map((one, i) => [String(i), one]))]] : [])),
);

const descend = (p: Tensor, optimizer: ReturnType<Make>): void => {
  optimizer.zeroGrad();
  p.square().sum().backward();
  optimizer.step();
};

describe("what is remembered", () => {
  test.each(Object.entries(torch))("by %s goes on as if nothing had been, bit by bit", (_, make) => {
    const run = (cut: boolean): number[] => {
      const p = matrix();
      let optimizer = make([p]) as optim.SGD;
      for (let i = 0; i < 6; i++) {
        if (cut && i === 3) {
          const state = optimizer.stateDict();
          optimizer = make([p]) as optim.SGD;
          optimizer.loadStateDict(state);
        }
        descend(p, optimizer);
      }
      return [...p.dataSync()];
    };
    expect(run(true)).toEqual(run(false));
  });

  test.each(Object.entries({ ...torch, ...keras }).filter(([name]) => name !== "Muon" && name !== "muon"))("of doubles by %s is kept in doubles", (_, make) => {
    const start = matrix("float64");
    const fine = tensor([[0, 1e-9, 0], [0, 0, 0]], { dtype: "float64" });
    const [p, q] = [start, tensor(start.add(fine), { requiresGrad: true })];
    for (let i = 0; i < 3; i++) for (const one of [p, q]) descend(one, (optimizersOf.get(one) ?? set(one, make([one])))!);
    expect(p.dtype).toBe("float64");
    // Single precision would not see a difference of 1e-9.
    const apart = Math.abs(p.dataSync()[1]! - q.dataSync()[1]!);
    expect(apart).toBeGreaterThan(1e-12);
    expect(apart).toBeLessThan(1e-7);
  });

  test("has PyTorch's names and places, across groups", () => {
    const optimizer = new optim.Adam([{ params: [matrix()] }, { params: [matrix(), matrix()], lr: 1 }]);
    const { state, paramGroups } = optimizer.stateDict();
    expect(Object.keys(state)).toEqual(["0", "1", "2"]);
    expect(Object.keys(state["2"]!)).toEqual(["step", "expAvg", "expAvgSq"]);
    expect(paramGroups.map(({ params }) => params)).toEqual([[0], [1, 2]]);
    expect(paramGroups[1]).toMatchObject({ lr: 1, betas: [0.9, 0.999], eps: 1e-8 });
  });

  test("by LBFGS goes on too", () => {
    const run = (cut: boolean): number[] => {
      const p = tensor([1, -2, 3], { requiresGrad: true });
      const make = (): optim.LBFGS => new optim.LBFGS([p], { maxIter: 2, lineSearchFn: "strongWolfe" });
      let optimizer = make();
      for (let i = 0; i < 4; i++) {
        if (cut && i === 2) {
          const state = optimizer.stateDict();
          (optimizer = make()).loadStateDict(state);
        }
        optimizer.step(() => {
          optimizer.zeroGrad();
          const value = p.square().sum().add(p.cos().sum());
          value.backward();
          return value;
        });
      }
      return [...p.dataSync()];
    };
    expect(run(true)).toEqual(run(false));
  });
});

const optimizersOf = new Map<Tensor, ReturnType<Make>>();
function set(p: Tensor, optimizer: ReturnType<Make>): ReturnType<Make> {
  optimizersOf.set(p, optimizer);
  return optimizer;
}

/** The kernels of a compiled step, with what each writes. */
function kernelsOf(make: Make): string[] {
  const p = zeros([40, 30], { requiresGrad: true });
  const g = normal([40, 30]);
  g.dataSync();
  const optimizer = make([p]);
  const { changes } = traced(() => {
    p.grad = g;
    optimizer.step();
  });
  const roots = changes.map(({ to }) => to);
  const order = inOrder(roots, (node) => node.value !== undefined || node.op === undefined);
  const { program } = compileGraph(order, roots, { plain: false, threads: 2, cache: 2 ** 20 }, changes.map((c, i) => [i, c.from] as const));
  return program.stages.flatMap(({ kernels }) => kernels.filter((kernel) => kernel.kind !== "map" || kernel.dims.reduce((a, b) => a * b, 1) > 1).map(({ kind }) => kind));
}

describe("a step is one kernel a parameter", () => {
  // Steps measured by norms of whole matrices need those first; of these the compiler makes a kernel for what has no reader in common yet.
  const whole = new Set(["Adafactor", "adafactor", "lamb", "Muon", "muon", "Adadelta", "adadelta", "AdamW", "adamw", "Adamax", "adamax", "ASGD", "Rprop", "scheduleFreeAdamw", "ftrl"]);
  test.each(Object.entries({ ...torch, ...keras }).filter(([name]) => !whole.has(name)))("of %s", (_, make) => expect(kernelsOf(make)).toEqual(["map"]));
});

describe("options of a group may be changed", () => {
  test("a momentum that moves is handed over, eager and compiled", () => {
    const run = (compiled: boolean): number[] => {
      const p = tensor([1, -2], { requiresGrad: true });
      const optimizer = new optim.SGD([p], { lr: 0.1 });
      const scheduler = new optim.lrScheduler.OneCycleLR(optimizer, 0.5, { totalSteps: 10 });
      const once = (): Tensor => {
        optimizer.zeroGrad();
        const value = p.square().sum();
        value.backward();
        optimizer.step();
        return value;
      };
      const step = compiled ? compile(once) : once;
      for (let i = 0; i < 9; i++) {
        step();
        scheduler.step();
      }
      return [...p.dataSync()];
    };
    expect(run(true)).toEqual(run(false));
    // By hand, in doubles.
    const [rates, momenta] = [[] as number[], [] as number[]];
    const probe = new optim.SGD([matrix()], { lr: 0.1 });
    const scheduler = new optim.lrScheduler.OneCycleLR(probe, 0.5, { totalSteps: 10 });
    for (let i = 0; i < 9; i++) {
      rates.push(probe.paramGroups[0]!.lr);
      momenta.push(probe.paramGroups[0]!.momentum);
      scheduler.step();
    }
    let [x, v] = [1, 0];
    rates.forEach((rate, i) => {
      v = momenta[i]! * v + 2 * x;
      x -= rate * v;
    });
    expect(run(false)[0]).toBeCloseTo(x, 5);
  });

  test("a weight decay that is changed counts from the next step", () => {
    const p = tensor([1], { requiresGrad: true });
    const optimizer = new optim.SGD([p], { lr: 1 });
    optimizer.paramGroups[0]!.weightDecay = 0.5;
    optimizer.zeroGrad();
    p.mul(0).sum().backward();
    optimizer.step();
    expect(p.item()).toBe(0.5);
  });
});

describe("averages", () => {
  interface Case {
    name: string;
    average: { decay: number | null; options: { useBuffers?: boolean } };
    start: Record<string, Stored>;
    inputs: Stored[];
    targets: Stored[];
    stateBefore: Record<string, Stored>;
    stateAfter: Record<string, Stored>;
    output: Stored;
  }
  for (const c of casesOf<Case>("torch/averages"))
    test(`of PyTorch: ${c.name}`, () => {
      const { AveragedModel, getEmaAvgFn, updateBn } = optim.swaUtils;
      const model = new nn.Sequential(new nn.Linear(3, 4), new nn.BatchNorm1d(4), new nn.Linear(4, 2));
      model.loadStateDict(Object.fromEntries(Object.entries(c.start).map(([path, stored]) => [path, restore(stored)])));
      const averaged = new AveragedModel(model, { ...c.average.options, ...(c.average.decay !== null && { avgFn: getEmaAvgFn(c.average.decay) }) });
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.5 });
      const criterion = new MSELoss();
      c.inputs.forEach((x, i) => {
        optimizer.zeroGrad();
        criterion.forward(model.forward(restore(x)), restore(c.targets[i]!)).backward();
        optimizer.step();
        averaged.updateParameters(model);
      });
      const compare = (wanted: Record<string, Stored>): void => {
        const found = averaged.stateDict();
        for (const [path, stored] of Object.entries(wanted)) expectClose(found[path]!, stored, path, 2e-5);
      };
      const learnt = model.stateDict();
      compare(c.stateBefore);
      updateBn(c.inputs.map((x) => restore(x)), averaged);
      compare(c.stateAfter);
      averaged.eval();
      expectClose(averaged.forward(restore(c.inputs[0]!)), c.output, "output", 2e-5);
      // The model that learns has kept what is its own.
      for (const [path, tensor] of Object.entries(model.stateDict())) expect([...tensor.dataSync()], path).toEqual([...learnt[path]!.dataSync()]);
      expect(model.training).toBe(true);
    });

  test("are what Keras' weights become at the end of fit", async () => {
    const run = async (useEma: boolean): Promise<number[]> => {
      seed(3);
      const model = sequential([dense(1, { inputShape: [2] })]);
      model.compile({ optimizer: optimizers.sgd({ learningRate: 0.1, useEma, emaMomentum: 0.5 }), loss: "mse" });
      await model.fit(tensor([[1, 2], [3, 4]]), tensor([[1], [0]]), { epochs: 3, batchSize: 2, verbose: 0, shuffle: false });
      return [...model.getWeights()[0]!.dataSync()];
    };
    const path: number[] = [];
    for (const epochs of [1, 2, 3]) {
      seed(3);
      const model = sequential([dense(1, { inputShape: [2] })]);
      model.compile({ optimizer: optimizers.sgd({ learningRate: 0.1 }), loss: "mse" });
      await model.fit(tensor([[1, 2], [3, 4]]), tensor([[1], [0]]), { epochs, batchSize: 2, verbose: 0, shuffle: false });
      path.push(model.getWeights()[0]!.dataSync()[0]!);
    }
    expect((await run(true))[0]).toBeCloseTo(path[0]! * 0.25 + path[1]! * 0.25 + path[2]! * 0.5, 5);
    expect((await run(false))[0]).toBeCloseTo(path[2]!, 6);
  });
});

describe("Lookahead", () => {
  test.each([false, true])("goes back part of the way every k steps (compiled: %s)", (compiled) => {
    const p = tensor([1], { requiresGrad: true });
    const optimizer = new optim.Lookahead(new optim.SGD([p], { lr: 0.25 }), { k: 2, alpha: 0.5 });
    const once = (): Tensor => {
      optimizer.zeroGrad();
      const value = p.square().sum();
      value.backward();
      optimizer.step();
      return value;
    };
    const step = compiled ? compile(once) : once;
    const seen = [1, 2, 3, 4].map(() => {
      step();
      return p.item();
    });
    // Each step halves; after two, half way back from 1/4 to 1.
    expect(seen).toEqual([0.5, 0.625, 0.3125, 0.390625]);
    const state = optimizer.stateDict();
    expect(state.lookahead["steps"]!.item()).toBe(4);
    optimizer.loadStateDict(state);
  });
});

describe("Keras' learning rate", () => {
  test("may be a schedule, which goes by the steps and is saved and loaded", async () => {
    const rate = optimizers.schedules.piecewiseConstantDecay({ boundaries: [1], values: [0.5, 0.25] });
    const optimizer = optimizers.sgd({ learningRate: rate });
    const p = tensor([1], { requiresGrad: true });
    const bound = optimizer.bind([["p", p]]);
    expect(optimizer.learningRate).toBe(0.5);
    for (const wanted of [0.5, 0, -0.25]) {
      bound.zeroGrad();
      p.sum().backward();
      bound.step();
      expect(p.item()).toBe(wanted);
    }
    expect(optimizer.learningRate).toBe(0.25);
    const again = optimizers.sgd(optimizer.config);
    expect(again.config).toEqual(optimizer.config);
    const other = again.bind([["p", p]]);
    other.loadStateDict(bound.stateDict());
    expect(again.learningRate).toBe(0.25);
    expect(() => (optimizer.learningRate = 1)).toThrow("goes by the schedule");
  });

  test("a scaled loss changes nothing but the sizes on the way", () => {
    const run = (lossScaleFactor: number | undefined): number => {
      const p = tensor([3], { requiresGrad: true });
      const bound = optimizers.adam({ learningRate: 0.1, ...(lossScaleFactor && { lossScaleFactor }) }).bind([["p", p]]);
      for (let i = 0; i < 3; i++) {
        bound.zeroGrad();
        bound.scaled(p.square().sum()).backward();
        bound.step();
      }
      return p.item();
    };
    expect(run(1024)).toBe(run(undefined));
  });

  test("matrices and all else go by different rules with Muon", () => {
    const [w, b] = [matrix(), tensor([1, 1], { requiresGrad: true })];
    const state = optimizers.muon().bind([["dense.kernel", w], ["dense.bias", b]]).stateDict();
    expect(Object.keys(state)).toEqual(["count", "dense.kernel.velocity", "dense.bias.mean", "dense.bias.square"]);
    const excluded = optimizers.muon({ excludeLayers: ["^head"] }).bind([["head.kernel", w], ["embedding.table", w]]).stateDict();
    expect(Object.keys(excluded)).toContain("head.kernel.mean");
    expect(Object.keys(excluded)).toContain("embedding.table.mean");
  });
});

describe("mistakes are named with what would be right", () => {
  const p = (): Tensor => tensor([1], { requiresGrad: true });
  const sgd = (): optim.SGD => new optim.SGD([p()], { lr: 1 });
  const { lrScheduler } = optim;
  test.each<[string, () => unknown, string]>([
    ["a vector for Muon", () => new optim.Muon([p()]), "a parameter is [1]; only matrices have directions\n  hint: give the other parameters to AdamW"],
    ["an unknown scale of Muon", () => new optim.Muon([matrix()], { adjustLrFn: "other" as never }), 'there is no adjustLrFn "other"'],
    ["a small d of Adafactor", () => new optim.Adafactor([p()], { d: 0.5 }), "d is 0.5; steps may be as large as 1 or more"],
    ["a rising beta2Decay", () => new optim.Adafactor([p()], { beta2Decay: 1 }), "beta2Decay is 1; it is a power up to 0"],
    ["etas of Rprop", () => new optim.Rprop([p()], { etas: [1.5, 1.2] }), "etas are [1.5, 1.2]; one is below 1"],
    ["no closure for LBFGS", () => new optim.LBFGS([p()]).step(undefined as never), "needs a function that computes the loss"],
    ["two groups for LBFGS", () => new optim.LBFGS([{ params: [p()] }, { params: [p()] }] as never), "needs a list of parameters, in one group"],
    ["an unknown line search", () => new optim.LBFGS([p()], { lineSearchFn: "armijo" as never }), 'there is no lineSearchFn "armijo"'],
    ["another state of LBFGS", () => new optim.LBFGS([p()]).loadStateDict({ ...new optim.LBFGS([p()]).stateDict(), state: { nIter: 1, t: 1, d: zeros([2]), prevFlatGrad: undefined, oldStps: [], oldDirs: [] } }), "the state remembers 2 numbers, the parameters are 1"],
    ["another optimizer's state", () => new optim.Adam([p()]).loadStateDict(sgd().stateDict()), 'the state lacks "0.step"'],
    ["the state of other parameters", () => new optim.Adam([matrix()]).loadStateDict(new optim.Adam([p()]).stateDict()), '"0.expAvg" is [2, 3] here and [1] in the state'],
    ["something else as a state", () => sgd().loadStateDict({} as never), "expected { state, paramGroups }"],
    ["a parameter given twice", () => { const one = p(); return new optim.SGD([one, one]); }, "a group holds the same parameter twice"],
    ["no whole k", () => new optim.Lookahead(sgd(), { k: 0.5 }), "k is 0.5; it is a whole number of steps from 1"],
    ["no share alpha", () => new optim.Lookahead(sgd(), { alpha: 2 }), "alpha is 2; it is a share above 0, at most 1"],
    ["an inner state for Lookahead", () => new optim.Lookahead(sgd()).loadStateDict(sgd().stateDict() as never), "the state lacks what Lookahead remembers"],
    ["a decay above 1", () => optim.swaUtils.getEmaAvgFn(2), "decay is a share from 0 to 1, got 2"],
    ["no module to average", () => new optim.swaUtils.AveragedModel({} as never), "the first argument must be a module"],
    ["an average of another model", () => new optim.swaUtils.AveragedModel(new nn.Linear(1, 1, { bias: false })).updateParameters(new nn.Linear(1, 1)), 'the model has "bias", which the averaged one has not'],
    ["a schedule without optimizer", () => new lrScheduler.StepLR(5 as never, 1), "the first argument must be an optimizer"],
    ["a cycle without end", () => new lrScheduler.OneCycleLR(sgd(), 1), "needs to know how many steps there will be"],
    ["a step after the end", () => { const s = new lrScheduler.OneCycleLR(sgd(), 1, { totalSteps: 1 }); s.step(); s.step(); }, "step 2 was asked for; the cycle has 1"],
    ["a momentum that is not there", () => new lrScheduler.CyclicLR(new optim.Adadelta([p()]), 0, 1), "cycleMomentum is on, but the optimizer has no momentum"],
    ["an unknown mode of CyclicLR", () => new lrScheduler.CyclicLR(sgd(), 0, 1, { mode: "square" as never }), 'there is no mode "square"'],
    ["an unknown way to anneal", () => new lrScheduler.SWALR(sgd(), 1, { annealStrategy: "log" as never }), 'there is no annealStrategy "log"'],
    ["an unknown mode of a plateau", () => new lrScheduler.ReduceLROnPlateau(sgd(), { mode: "low" as never }), 'there is no mode "low"'],
    ["an unknown threshold mode", () => new lrScheduler.ReduceLROnPlateau(sgd(), { thresholdMode: "x" as never }), 'there is no thresholdMode "x"'],
    ["a warm-up from nothing", () => new lrScheduler.LinearLR(sgd(), { startFactor: 0 }), "startFactor is 0; it is above 0 and at most 1\n  hint: begin with a very small one"],
    ["milestones too many", () => new lrScheduler.SequentialLR(sgd(), [new lrScheduler.ConstantLR(sgd())], [1]), "there are 1 schedulers and 1 milestones"],
    ["no schedulers", () => new lrScheduler.ChainedScheduler([]), "needs schedulers"],
    ["a state of fewer schedulers", () => new lrScheduler.ChainedScheduler([new lrScheduler.ConstantLR(sgd())]).loadStateDict({ lastEpoch: 0, schedulers: [] }), "the state has 0 schedulers, here are 1"],
    ["a schedule without steps", () => optimizers.schedules.cosineDecay({ initialLearningRate: 1, decaySteps: 0 }), "decaySteps is 0; it is a number above 0"],
    ["values that do not fit boundaries", () => optimizers.schedules.piecewiseConstantDecay({ boundaries: [1], values: [1] }), "there are 1 values for 1 boundaries"],
    ["an unknown schedule", () => optimizers.sgd({ learningRate: { schedule: "cosinDecay", options: {} } }), 'did you mean "cosineDecay"?'],
    ["a frequency that is no number of steps", () => optimizers.sgd({ emaOverwriteFrequency: 0.5 }), "emaOverwriteFrequency is 0.5; it is a whole number from 1"],
    ["excluded layers that are no list", () => optimizers.muon({ excludeLayers: "head" as never }), "excludeLayers is no list of patterns"],
  ])("%s", (_, mistake, message) => expect(mistake).toThrow(message));
});

test("MultiplicativeLR multiplies, LambdaLR takes a function a group", () => {
  const p = (): Tensor => tensor([1], { requiresGrad: true });
  const optimizer = new optim.SGD([{ params: [p()] }, { params: [p()], lr: 2 }], { lr: 1 });
  const halves = new optim.lrScheduler.MultiplicativeLR(optimizer, () => 0.5);
  halves.step();
  halves.step();
  expect(halves.getLastLr()).toEqual([0.25, 0.5]);
  const each = new optim.lrScheduler.LambdaLR(optimizer, [(epoch) => epoch, (epoch) => 1 / (1 + epoch)]);
  each.step();
  expect(each.getLastLr()).toEqual([1, 1]);
});

test("gradients of several batches", async () => {
  expect(() => optimizers.sgd({ gradientAccumulationSteps: 1.5 })).toThrow("gradientAccumulationSteps is 1.5; it is a whole number from 1");
  expect(() => optimizers.sgd({ gradientAccumulationSteps: 2, useEma: true, emaOverwriteFrequency: 2 })).toThrow("weights cannot be taken over amid an update");
  const w = tensor([1], { requiresGrad: true });
  const bound = optimizers.sgd({ learningRate: 1, gradientAccumulationSteps: 2 }).bind([["w", w]]);
  for (const factor of [1, 3]) {
    bound.zeroGrad();
    w.mul(factor).sum().backward();
    bound.step();
  }
  expect(w.item()).toBe(-1);
  expect(() => compile(() => { w.sum().backward(); bound.step(); return w; })()).toThrow("cannot be counted in a compiled function");
});
