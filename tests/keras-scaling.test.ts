/** Scaling of the loss, running means in place of weights, weights alone: what Keras has for them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { callbacks, cloneModel, layers, loadModel, optimizers, type Sequential, seed, sequential, tensor, uniform } from "../src/index.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

interface Case {
  name: string;
  inner: { kind: string; options: Record<string, unknown> };
  options: { initialScale?: number; dynamicGrowthSteps?: number };
  a: Stored;
  b: Stored;
  start: Stored;
  factors: (number | string)[];
  trajectory: Stored[];
  scales: number[];
}

describe("a scaled loss: steps, steps left out and factors are Keras'", () => {
  test.each(casesOf<Case>("keras/scaling").map((c) => [c.name, c] as const))("%s", (_, c) => {
    const p = restore(c.start, true);
    const inner = (optimizers as unknown as Record<string, (options: object) => ReturnType<typeof optimizers.adam>>)[c.inner.kind]!(c.inner.options);
    const bound = optimizers.lossScaleOptimizer(inner, c.options).bind([["p", p]]);
    c.factors.forEach((factor, i) => {
      bound.zeroGrad();
      bound.scaled(p.sub(restore(c.b)).square().mul(restore(c.a)).mul(0.5).mul(tensor(Number(factor))).sum()).backward();
      bound.step();
      expectClose(p, c.trajectory[i]!, `after step ${i}`);
      expect(bound.stateDict()["dynamicScale"]!.item()).toBe(c.scales[i]);
    });
  });

  test("a model trained so goes on from where it was saved", async () => {
    const model = small(optimizers.lossScaleOptimizer("adam", { initialScale: 4, dynamicGrowthSteps: 3 }));
    await model.fit(x, y, { epochs: 2, batchSize: 8, verbose: 0, shuffle: false });
    const again = (await loadModel(await model.toBytes())) as Sequential;
    expect([again.optimizer.name, again.learningRate]).toEqual(["lossScaleOptimizer", model.learningRate]);
    for (const one of [model, again]) await one.fit(x, y, { epochs: 3, initialEpoch: 2, batchSize: 8, verbose: 0, shuffle: false });
    expect(numbers(again)).toEqual(numbers(model));
  });

  test.each<[string, () => unknown, string]>([
    ["a factor of its own", () => optimizers.lossScaleOptimizer(optimizers.adam({ lossScaleFactor: 2 })), "the inner optimizer has a lossScaleFactor, 2"],
    ["gathered gradients", () => optimizers.lossScaleOptimizer(optimizers.adam({ gradientAccumulationSteps: 2 })), "has a gradientAccumulationSteps, 2"],
    ["no scale", () => optimizers.lossScaleOptimizer("adam", { initialScale: 0 }), "initialScale is 0; it is a number above 0"],
    ["growth at no step", () => optimizers.lossScaleOptimizer("adam", { dynamicGrowthSteps: 0 }), "dynamicGrowthSteps is 0; it is a whole number from 1"],
  ])("%s", (_, mistake, message) => expect(mistake).toThrow(message));
});

const x = uniform([32, 3]);
const y = x.sum(1, { keep: true });
const numbers = (model: Sequential): number[] => model.getWeights().flatMap((w) => [...w.dataSync()].map(Number));

function small(optimizer: Parameters<Sequential["compile"]>[0]["optimizer"]): Sequential {
  seed(9);
  const model = sequential([layers.dense(1, { inputShape: [3] })]);
  model.compile({ optimizer: optimizer!, loss: "meanSquaredError", runEagerly: false, jitCompile: "auto", stepsPerExecution: 4 });
  return model;
}

describe("running means in place of weights", () => {
  const averaged = (): ReturnType<typeof optimizers.sgd> => optimizers.sgd({ learningRate: 0.1, useEma: true, emaMomentum: 0.9 });

  test("are examined, while training goes on with the weights", async () => {
    const plain = small(averaged());
    const swapped = small(averaged());
    const options = { epochs: 3, batchSize: 8, verbose: 0, shuffle: false, validationData: [x, y] } as const;
    const seen: number[][] = [];
    const look = { onTestEnd: () => void seen.push(numbers(swapped)) };
    const { history: a } = await plain.fit(x, y, options);
    const { history: b } = await swapped.fit(x, y, { ...options, callbacks: [look, callbacks.swapEMAWeights()] });
    expect(b["loss"]).toEqual(a["loss"]);
    expect(b["val_loss"]).not.toEqual(a["val_loss"]);
    expect(numbers(swapped)).toEqual(numbers(plain));
    // In the end weights take over their means; what was examined last is what they are now.
    seen.at(-1)!.forEach((w, i) => expect(w).toBeCloseTo(numbers(swapped)[i]!, 6));
  });

  test("stand from the end of an epoch to the beginning of the next, so that they are saved", async () => {
    const model = small(averaged());
    const saved: number[][] = [];
    const look = { onEpochEnd: () => void saved.push(numbers(model)) };
    await model.fit(x, y, { epochs: 2, batchSize: 8, verbose: 0, shuffle: false, callbacks: [callbacks.swapEMAWeights({ swapOnEpoch: true }), look] });
    const once = small(averaged());
    await once.fit(x, y, { epochs: 1, batchSize: 8, verbose: 0, shuffle: false });
    saved[0]!.forEach((w, i) => expect(w).toBeCloseTo(numbers(once)[i]!, 6));
    expect(numbers(model)).toEqual(saved[1]);
  });

  test("need an optimizer that keeps them", async () => {
    await expect(small("sgd").fit(x, y, { epochs: 1, verbose: 0, validationSplit: 0.5, callbacks: callbacks.swapEMAWeights() })).rejects.toThrow(
      /keeps no running means of the weights to swap with[\s\S]*useEma: true/,
    );
  });
});

test("weights alone are saved by a checkpoint, and loaded into a model like it", async () => {
  const folder = mkdtempSync(`${tmpdir()}/weights-`);
  try {
    const path = `${folder}/best.safetensors`;
    const [model, other] = [small("sgd"), small("sgd")];
    await model.fit(x, y, { epochs: 2, verbose: 0, callbacks: callbacks.modelCheckpoint({ filepath: path, monitor: "loss", saveBestOnly: true, saveWeightsOnly: true }) });
    expect(numbers(other)).not.toEqual(numbers(model));
    await other.loadWeights(path);
    expect(numbers(other)).toEqual(numbers(model));
    await expect(loadModel(path)).rejects.toThrow("holds tensors, but no description of a model");
    await expect(other.loadWeights(`${folder}/none.safetensors`)).rejects.toThrow("there is no such file");
    await expect(sequential([layers.dense(2, { inputShape: [3] })]).loadWeights(path)).rejects.toThrow();
    await expect(other.saveWeights("")).rejects.toThrow("needs to know where to save to");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("weight decay leaves out what it is told to", () => {
  const free = optimizers.adamw({ learningRate: 0.1, excludeFromWeightDecay: ["bias"] });
  const [kernel, bias] = [tensor([[1, 2]], { requiresGrad: true }), tensor([3, 4], { requiresGrad: true })];
  const bound = free.bind([["dense.kernel", kernel], ["dense.bias", bias]]);
  bound.zeroGrad();
  kernel.sum().add(bias.sum()).mul(0).backward();
  bound.step();
  expect([...bias.dataSync()]).toEqual([3, 4]);
  [1, 2].forEach((w, i) => expect(kernel.dataSync()[i]).toBeCloseTo(w * (1 - 0.1 * 0.004), 6));
  expect(free.config["excludeFromWeightDecay"]).toEqual(["bias"]);
  expect(() => optimizers.adam({ excludeFromWeightDecay: "bias" as never })).toThrow('excludeFromWeightDecay is "bias"; it is a list of patterns');
});

test("a clone is made as the model was, with weights of its own", () => {
  const model = small("sgd");
  const clone = cloneModel(model);
  expect(clone.getConfig()).toEqual(model.getConfig());
  expect(numbers(clone)).not.toEqual(numbers(model));
  clone.setWeights(model.getWeights());
  expect(numbers(clone)).toEqual(numbers(model));
});

test("a checkpoint after batches counts them through epochs, and names epoch and batch", async () => {
  const saved: string[] = [];
  const model = small("sgd");
  model.save = async (path) => void saved.push(path as string);
  await model.fit(x, y, { epochs: 2, batchSize: 8, verbose: 0, callbacks: callbacks.modelCheckpoint({ filepath: "{epoch}-{batch:02d}", saveFreq: 3 }) });
  expect(saved).toEqual(["1-03", "2-02"]);
  expect(() => callbacks.modelCheckpoint({ filepath: "x", saveFreq: 0 })).toThrow('saveFreq is 0; it is "epoch", or a number of batches');
});
